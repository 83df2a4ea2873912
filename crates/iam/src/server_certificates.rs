//! Server certificates.

use crate::{
    Iam,
    der::{from_pem, validity},
    faults::{already_exists, no_such_entity, quota},
    limits,
    operation::{RequiredPermission, operation},
    output,
    paging::{named_rows, page},
    tags::new_tags,
    users::path_of,
};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair};
use cloudlet_api_iam::{
    faults::{KEY_PAIR_MISMATCH, MALFORMED_CERTIFICATE},
    *,
};
use cloudlet_aws::{Account, Fault};
use cloudlet_identity::state::{self, EntityKey, entries_of_account};
use cloudlet_shape::Empty;

fn no_certificate(name: &str) -> impl FnOnce() -> Fault {
    no_such_entity("Server Certificate", name)
}

/// The public key of a private key in PEM, as a certificate contains it.
fn public_of(key: &str) -> Option<Vec<u8>> {
    if let Some(der) = from_pem(key, "RSA PRIVATE KEY") {
        return Some(RsaKeyPair::from_der(&der).ok()?.public_key().as_ref().to_vec());
    }
    if let Some(der) = from_pem(key, "EC PRIVATE KEY") {
        let curves = [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING];
        return curves.iter().find_map(|curve| Some(EcdsaKeyPair::from_private_key_der(curve, &der).ok()?.public_key().as_ref().to_vec()));
    }
    let der = from_pem(key, "PRIVATE KEY")?;
    if let Ok(key) = RsaKeyPair::from_pkcs8(&der) {
        return Some(key.public_key().as_ref().to_vec());
    }
    let curves = [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING];
    curves.iter().find_map(|curve| Some(EcdsaKeyPair::from_pkcs8(curve, &der).ok()?.public_key().as_ref().to_vec()))
}

impl Iam {
    fn shown_certificate(&self, account: Account, row: &state::ServerCertificate) -> ServerCertificateMetadata {
        ServerCertificateMetadata {
            path: row.path.clone(),
            server_certificate_name: row.name.clone(),
            server_certificate_id: row.id.to_string(),
            arn: self.arn(account, "server-certificate", &row.path, &row.name).to_string(),
            upload_date: Some(row.uploaded),
            expiration: Some(row.expires),
        }
    }
}

operation!(
    UploadServerCertificate,
    |iam, cx, input| {
        let arn = iam.arn(cx.scope.account, "server-certificate", input.path.as_deref().unwrap_or("/"), &input.server_certificate_name);
        RequiredPermission::on(arn).with_request_tags(input.tags.as_deref())
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let malformed = |text: &str| MALFORMED_CERTIFICATE.says(text);
        let der = from_pem(&input.certificate_body, "CERTIFICATE")
            .ok_or_else(|| malformed("Unable to parse certificate. Please ensure the certificate is in PEM format."))?;
        let (_, expires) = validity(&der).ok_or_else(|| malformed("Unable to parse certificate. Please ensure the certificate is in PEM format."))?;
        let public = public_of(&input.private_key).ok_or_else(|| malformed("Unable to parse key. Please ensure the key is in PEM format."))?;
        if !der.windows(public.len()).any(|window| window == public) {
            return Err(KEY_PAIR_MISMATCH.says("Certificate and private key do not match."));
        }
        let key = EntityKey::new(account, &input.server_certificate_name);
        let row = state::ServerCertificate {
            name: input.server_certificate_name,
            path: path_of(input.path),
            id: format!("ASCA{}", cx.ids().base32(17)).into(),
            body: input.certificate_body.trim().to_owned(),
            chain: input.certificate_chain,
            uploaded: cx.now.whole_secs(),
            expires,
            tags: new_tags(input.tags.as_deref())?,
        };
        iam.identity.write(|state| {
            if state.server_certificates.contains(&key) {
                return Err(already_exists(format!("The Server Certificate with name {} already exists.", row.name)));
            }
            if entries_of_account(&state.server_certificates, account).count() >= limits::SERVER_CERTIFICATES {
                return Err(quota("ServerCertificatesPerAccount", limits::SERVER_CERTIFICATES));
            }
            let shown = iam.shown_certificate(account, &row);
            let tags = output::tags(&row.tags);
            state.server_certificates.insert(key, row);
            Ok(UploadServerCertificateResponse { server_certificate_metadata: Some(shown), tags })
        })
    }
);

operation!(GetServerCertificate, |iam, cx, input| iam.on_server_certificate(cx, &input.server_certificate_name), |iam, cx, input| {
    let name = &input.server_certificate_name;
    iam.identity.read(|state| {
        let row = state.server_certificate(cx.scope.account, name).ok_or_else(no_certificate(name))?;
        let server_certificate = ServerCertificate {
            server_certificate_metadata: iam.shown_certificate(cx.scope.account, row),
            certificate_body: row.body.clone(),
            certificate_chain: row.chain.clone(),
            tags: output::tags(&row.tags),
        };
        Ok(GetServerCertificateResponse { server_certificate })
    })
});

operation!(ListServerCertificates, |iam, cx, input| iam.on_path(cx, "server-certificate", input.path_prefix.as_deref()), |iam, cx, input| {
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    iam.identity.read(|state| {
        let rows = named_rows(&state.server_certificates, cx.scope.account).filter(|(_, row)| row.path.starts_with(prefix));
        let page = page::<ListServerCertificates, _, _>(cx, &input, rows)?.map(|row| iam.shown_certificate(cx.scope.account, row));
        Ok(ListServerCertificatesResponse { server_certificate_metadata_list: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(UpdateServerCertificate, |iam, cx, input| iam.on_server_certificate(cx, &input.server_certificate_name), |iam, cx, input| {
    let account = cx.scope.account;
    let old = EntityKey::new(account, &input.server_certificate_name);
    iam.identity.write(|state| {
        let mut row =
            state.server_certificate(account, &input.server_certificate_name).cloned().ok_or_else(no_certificate(&input.server_certificate_name))?;
        if let Some(name) = input.new_server_certificate_name.filter(|name| *name != row.name) {
            let key = EntityKey::new(account, &name);
            if key != old && state.server_certificates.contains(&key) {
                return Err(already_exists(format!("The Server Certificate with name {name} already exists.")));
            }
            row.name = name;
        }
        if let Some(path) = input.new_path {
            row.path = path;
        }
        state.server_certificates.remove(&old);
        state.server_certificates.insert(EntityKey::new(account, &row.name), row);
        Ok(Empty {})
    })
});

operation!(DeleteServerCertificate, |iam, cx, input| iam.on_server_certificate(cx, &input.server_certificate_name), |iam, cx, input| {
    let name = &input.server_certificate_name;
    iam.identity.write(|state| {
        state.server_certificate(cx.scope.account, name).ok_or_else(no_certificate(name))?;
        state.server_certificates.remove(&EntityKey::new(cx.scope.account, name));
        Ok(Empty {})
    })
});
