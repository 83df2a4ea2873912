//! Signing certificates of users.

use crate::{
    access_keys::status,
    der::{from_pem, validity},
    faults::{no_such, no_such_entity, quota},
    limits,
    operation::operation,
    output::UserOrRoot,
    paging::page,
};
use cloudlet_api_iam::{
    faults::{DUPLICATE_CERTIFICATE, MALFORMED_CERTIFICATE},
    *,
};
use cloudlet_aws::{Account, Fault};
use cloudlet_identity::{
    State,
    state::{self, CredentialStatus, EntityKey, entries_of_account, rows_of_account},
};
use cloudlet_shape::Empty;

fn certificates_of<'s>(state: &'s State, account: Account, user: &'s str) -> impl Iterator<Item = (String, &'s state::SigningCertificate)> {
    let certificates = entries_of_account(&state.signing_certificates, account).filter(move |(_, row)| row.user == user);
    certificates.map(|(key, row)| (key.1.to_ascii_uppercase(), row))
}

fn certificate_mut<'s>(state: &'s mut State, account: Account, user: &str, id: &str) -> Result<&'s mut state::SigningCertificate, Fault> {
    state.user(account, user).ok_or_else(no_such_entity("user", user))?;
    let row = state.signing_certificates.get_mut(&EntityKey::new(account, id)).filter(|row| row.user == user);
    row.ok_or_else(|| no_such(format!("The Certificate with id {id} cannot be found.")))
}

fn shown(id: String, row: &state::SigningCertificate) -> SigningCertificate {
    SigningCertificate {
        user_name: row.user.clone(),
        certificate_id: id,
        certificate_body: row.body.clone(),
        status: row.status.as_str().into(),
        upload_date: Some(row.created),
    }
}

operation!(UploadSigningCertificate, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let account = cx.scope.account;
    let user = UserOrRoot::user(cx, input.user_name.as_deref())?;
    let body = input.certificate_body;
    let der = from_pem(&body, "CERTIFICATE").filter(|der| validity(der).is_some());
    der.ok_or_else(|| MALFORMED_CERTIFICATE.says("Certificate body is invalid or malformed."))?;
    let id = cx.ids().base32(32);
    iam.identity.write(|state| {
        state.user(account, &user).ok_or_else(no_such_entity("user", &user))?;
        if rows_of_account(&state.signing_certificates, account).any(|known| known.body.trim() == body.trim()) {
            return Err(DUPLICATE_CERTIFICATE.says("The certificate is already associated with an IAM user."));
        }
        if certificates_of(state, account, &user).count() >= limits::SIGNING_CERTIFICATES {
            return Err(quota("CertificatesPerUser", limits::SIGNING_CERTIFICATES));
        }
        let row = state::SigningCertificate { user, status: CredentialStatus::Active, created: cx.now.whole_secs(), body };
        let certificate = shown(id.clone(), &row);
        state.signing_certificates.insert(EntityKey::new(account, &id), row);
        Ok(UploadSigningCertificateResponse { certificate })
    })
});

operation!(ListSigningCertificates, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let account = cx.scope.account;
    let user = match UserOrRoot::of(cx, input.user_name.as_deref())? {
        UserOrRoot::User(name) => name,
        UserOrRoot::Root => return Ok(ListSigningCertificatesResponse { is_truncated: Some(false), ..Default::default() }),
    };
    iam.identity.read(|state| {
        state.user(account, &user).ok_or_else(no_such_entity("user", &user))?;
        let certificates = certificates_of(state, account, &user).map(|(id, row)| (id.clone(), shown(id, row)));
        let page = page::<ListSigningCertificates, _, _>(cx, &input, certificates)?;
        Ok(ListSigningCertificatesResponse { certificates: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(UpdateSigningCertificate, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let user = UserOrRoot::user(cx, input.user_name.as_deref())?;
    iam.identity.write(|state| {
        certificate_mut(state, cx.scope.account, &user, &input.certificate_id)?.status = status(&input.status);
        Ok(Empty {})
    })
});

operation!(DeleteSigningCertificate, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let user = UserOrRoot::user(cx, input.user_name.as_deref())?;
    iam.identity.write(|state| {
        certificate_mut(state, cx.scope.account, &user, &input.certificate_id)?;
        state.signing_certificates.remove(&EntityKey::new(cx.scope.account, &input.certificate_id));
        Ok(Empty {})
    })
});
