//! The credential report: root and all users of the account, as CSV.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html>

use crate::{
    Iam,
    access_keys::keys_of,
    operation::{RequiredPermission, operation},
};
use cloudlet_api_iam::{
    faults::{CREDENTIAL_REPORT_EXPIRED, CREDENTIAL_REPORT_NOT_PRESENT},
    *,
};
use cloudlet_aws::{Account, Timestamp, TimestampFormat};
use cloudlet_identity::{
    State, Usage,
    state::{AccessKeyOwner, CredentialStatus, rows_of_account},
};

const HEAD: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,\
access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// AWS: a report is valid for four hours.
const VALID_SECONDS: i64 = 4 * 3600;

fn at(time: Timestamp) -> String {
    // AWS writes the zone as an offset.
    time.whole_secs().text(TimestampFormat::DateTime).replace('Z', "+00:00")
}

/// Ten columns for at most two keys.
fn key_columns(state: &State, account: Account, owner: &AccessKeyOwner) -> Vec<String> {
    let mut keys: Vec<_> = keys_of(state, account, owner).map(|(_, key)| key).collect();
    keys.sort_by_key(|key| key.created);
    (0..2)
        .flat_map(|index| match keys.get(index) {
            None => ["false", "N/A", "N/A", "N/A", "N/A"].map(str::to_owned),
            Some(key) => {
                let active = (key.status == CredentialStatus::Active).to_string();
                let used = key.last_used.get();
                let date = used.as_ref().map_or("N/A".to_owned(), |usage| at(usage.at));
                let column = |of: fn(&Usage) -> &str| used.as_ref().map_or("N/A".to_owned(), |usage| of(usage).to_owned());
                [active, at(key.created), date, column(|usage| &usage.region), column(|usage| &usage.service)]
            }
        })
        .collect()
}

fn certificate_columns(state: &State, account: Account, user: &str) -> Vec<String> {
    let certificates: Vec<_> = rows_of_account(&state.signing_certificates, account).filter(|row| row.user == user).collect();
    (0..2)
        .flat_map(|index| match certificates.get(index) {
            None => ["false".to_owned(), "N/A".to_owned()],
            Some(row) => [(row.status == CredentialStatus::Active).to_string(), at(row.created)],
        })
        .collect()
}

impl Iam {
    fn report(&self, state: &State, account: Account, now: Timestamp) -> String {
        let root_mfa_devices = state.account_settings.get(&account).is_some_and(|settings| !settings.root_mfa_devices.is_empty());
        let mut root = vec![
            "<root_account>".to_owned(),
            format!("arn:{}:iam::{account}:root", self.identity.partition()),
            at(now),
            "not_supported".into(),
            "no_information".into(),
            "not_supported".into(),
            "not_supported".into(),
            root_mfa_devices.to_string(),
        ];
        root.extend(key_columns(state, account, &AccessKeyOwner::Root));
        root.extend(["false", "N/A", "false", "N/A"].map(str::to_owned));
        let mut lines = vec![HEAD.to_owned(), root.join(",")];
        let max_age = state.account_settings.get(&account).and_then(|settings| settings.password_policy.as_ref()).and_then(|policy| policy.max_age);
        for user in rows_of_account(&state.users, account) {
            let arn = self.arn(account, "user", &user.path, &user.name);
            let mut line = vec![user.name.clone(), arn.to_string(), at(user.created), user.login_profile.is_some().to_string()];
            match &user.login_profile {
                None => line.extend(["N/A", "N/A", "N/A"].map(str::to_owned)),
                Some(login) => {
                    line.push(user.password_last_used.map_or("no_information".into(), at));
                    line.push(at(login.password_changed));
                    line.push(max_age.map_or("N/A".into(), |days| at(login.password_changed.plus_secs(i64::from(days) * 86_400))));
                }
            }
            line.push((!user.mfa_devices.is_empty()).to_string());
            line.extend(key_columns(state, account, &AccessKeyOwner::User(user.name.clone())));
            line.extend(certificate_columns(state, account, &user.name));
            lines.push(line.join(","));
        }
        lines.join("\n")
    }
}

operation!(GenerateCredentialReport, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        let fresh = state.account_settings.get(&account).and_then(|settings| settings.credential_report.as_ref());
        if fresh.is_some_and(|(made, _)| cx.now < made.plus_secs(VALID_SECONDS)) {
            return Ok(GenerateCredentialReportResponse { state: Some("COMPLETE".into()), description: None });
        }
        let report = iam.report(state, account, cx.now);
        Iam::account_settings_mut(state, account).credential_report = Some((cx.now.whole_secs(), report));
        // AWS: the first call starts the task, a later one finds the report.
        Ok(GenerateCredentialReportResponse {
            state: Some("STARTED".into()),
            description: Some("No report exists. Starting a new report generation task".into()),
        })
    })
});

operation!(GetCredentialReport, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.read(|state| {
    let report = state.account_settings.get(&cx.scope.account).and_then(|settings| settings.credential_report.as_ref());
    let (made, text) = report.ok_or_else(|| CREDENTIAL_REPORT_NOT_PRESENT.says("No report is present for this account."))?;
    if cx.now >= made.plus_secs(VALID_SECONDS) {
        return Err(CREDENTIAL_REPORT_EXPIRED.says("The report has expired. Please generate a new one."));
    }
    Ok(GetCredentialReportResponse {
        content: Some(text.clone().into_bytes().into()),
        report_format: Some("text/csv".into()),
        generated_time: Some(*made),
    })
}));
