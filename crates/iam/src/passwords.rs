//! Login profiles and the account's password policy.

use crate::{
    Iam,
    faults::{already_exists, no_such, no_such_entity, validation_error},
    operation::{RequiredPermission, operation},
    output::UserOrRoot,
};
use aws_lc_rs::pbkdf2;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_iam::{faults::PASSWORD_POLICY_VIOLATION, *};
use cloudlet_aws::{Account, Fault, Identity};
use cloudlet_engine::{Cx, Ids};
use cloudlet_identity::{
    Secret, State,
    state::{self, LoginProfile as Login},
};
use cloudlet_shape::Empty;
use std::num::NonZeroU32;

const ITERATIONS: u32 = 1_000;

/// `salt$hash`, both in base64. Only ChangePassword checks it.
fn hashed(ids: &Ids, password: &str) -> Secret {
    let salt: [u8; 16] = ids.bytes();
    Secret::new(format!("{}${}", STANDARD.encode(salt), STANDARD.encode(derive(&salt, password))))
}

fn derive(salt: &[u8], password: &str) -> [u8; 32] {
    let mut out = [0; 32];
    let rounds = NonZeroU32::new(ITERATIONS).unwrap_or(NonZeroU32::MIN);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, password.as_bytes(), &mut out);
    out
}

fn matches(hash: &Secret, password: &str) -> bool {
    let Some((salt, hash)) = hash.reveal().split_once('$') else { return false };
    let (Ok(salt), Ok(hash)) = (STANDARD.decode(salt), STANDARD.decode(hash)) else { return false };
    derive(&salt, password) == *hash
}

fn no_login(name: &str) -> impl FnOnce() -> Fault {
    move || no_such(format!("Login Profile for User {name} cannot be found."))
}

/// Without a password policy: eight characters, and three of four kinds of characters.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html>
fn check(policy: Option<&state::PasswordPolicy>, password: &str) -> Result<(), Fault> {
    let violation = |text: &str| Err(PASSWORD_POLICY_VIOLATION.says(text));
    let has = |test: fn(char) -> bool| password.chars().any(test);
    let symbol = |c: char| "!@#$%^&*()_+-=[]{}|'".contains(c);
    let kinds = [has(|c| c.is_ascii_uppercase()), has(|c| c.is_ascii_lowercase()), has(|c| c.is_ascii_digit()), has(symbol)];
    let length = password.chars().count();
    match policy {
        None if length < 8 => violation("Password should have a minimum length of 8"),
        None if kinds.iter().filter(|has| **has).count() < 3 => violation("Password does not conform to the account password policy."),
        None => Ok(()),
        Some(policy) => {
            let [upper, lower, digit, symbol] = kinds;
            match () {
                () if i32::try_from(length).unwrap_or(i32::MAX) < policy.minimum_length => {
                    violation(&format!("Password should have a minimum length of {}", policy.minimum_length))
                }
                () if policy.require_uppercase && !upper => violation("Password should have at least one uppercase letter"),
                () if policy.require_lowercase && !lower => violation("Password should have at least one lowercase letter"),
                () if policy.require_numbers && !digit => violation("Password should have at least one number"),
                () if policy.require_symbols && !symbol => violation("Password should have at least one symbol"),
                () => Ok(()),
            }
        }
    }
}

fn policy_of(state: &State, account: Account) -> Option<&state::PasswordPolicy> {
    state.account_settings.get(&account)?.password_policy.as_ref()
}

fn check_reuse(state: &State, account: Account, login: &Login, password: &str) -> Result<(), Fault> {
    let remembered = policy_of(state, account).and_then(|policy| policy.reuse_prevention).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let mut recent = std::iter::once(&login.password_hash).chain(&login.previous_hashes).take(remembered);
    if recent.any(|hash| matches(hash, password)) {
        return Err(PASSWORD_POLICY_VIOLATION.says("Password has been used recently and cannot be used again."));
    }
    Ok(())
}

fn set_password(login: &mut Login, hash: Secret, cx: &Cx) {
    login.previous_hashes.insert(0, std::mem::replace(&mut login.password_hash, hash));
    login.previous_hashes.truncate(24);
    login.password_changed = cx.now.whole_secs();
}

fn shown(name: &str, login: &Login) -> LoginProfile {
    LoginProfile { user_name: name.to_owned(), create_date: login.created, password_reset_required: Some(login.password_reset_required) }
}

operation!(CreateLoginProfile, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let account = cx.scope.account;
    let name = UserOrRoot::user(cx, input.user_name.as_deref())?;
    let password = input.password.ok_or_else(|| validation_error("A password is needed."))?;
    let hash = hashed(cx.ids(), &password);
    iam.identity.write(|state| {
        let user = state.user(account, &name).ok_or_else(no_such_entity("user", &name))?;
        if user.login_profile.is_some() {
            return Err(already_exists(format!("Login Profile for user {name} already exists.")));
        }
        check(policy_of(state, account), &password)?;
        let now = cx.now.whole_secs();
        let login = Login {
            created: now,
            password_changed: now,
            password_hash: hash,
            previous_hashes: Vec::new(),
            password_reset_required: input.password_reset_required == Some(true),
        };
        let login_profile = shown(&name, &login);
        iam.user_mut(state, account, &name)?.login_profile = Some(login);
        Ok(CreateLoginProfileResponse { login_profile })
    })
});

operation!(GetLoginProfile, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let name = UserOrRoot::user(cx, input.user_name.as_deref())?;
    iam.identity.read(|state| {
        let user = state.user(cx.scope.account, &name).ok_or_else(no_such_entity("user", &name))?;
        let login = user.login_profile.as_ref().ok_or_else(no_login(&name))?;
        Ok(GetLoginProfileResponse { login_profile: shown(&name, login) })
    })
});

operation!(UpdateLoginProfile, |iam, cx, input| iam.on_user(cx, &input.user_name), |iam, cx, input| {
    let account = cx.scope.account;
    let name = input.user_name;
    let hash = input.password.as_ref().map(|password| hashed(cx.ids(), password));
    iam.identity.write(|state| {
        let user = state.user(account, &name).ok_or_else(no_such_entity("user", &name))?;
        let login = user.login_profile.as_ref().ok_or_else(no_login(&name))?;
        if let Some(password) = &input.password {
            check(policy_of(state, account), password)?;
            check_reuse(state, account, login, password)?;
        }
        if let Some(login) = &mut iam.user_mut(state, account, &name)?.login_profile {
            if let Some(hash) = hash {
                set_password(login, hash, cx);
            }
            login.password_reset_required = input.password_reset_required.unwrap_or(login.password_reset_required);
        }
        Ok(Empty {})
    })
});

operation!(DeleteLoginProfile, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let name = UserOrRoot::user(cx, input.user_name.as_deref())?;
    iam.identity.write(|state| match iam.user_mut(state, cx.scope.account, &name)?.login_profile.take() {
        Some(_) => Ok(Empty {}),
        None => Err(no_login(&name)()),
    })
});

operation!(ChangePassword, |iam, cx, input| iam.on_user_or_caller(cx, None)?, |iam, cx, input| {
    let account = cx.scope.account;
    let Identity::User { name } = &cx.caller.identity else {
        return Err(cloudlet_api_iam::faults::INVALID_USER_TYPE.says("Only IAM users can change their own password."));
    };
    let hash = hashed(cx.ids(), &input.new_password);
    iam.identity.write(|state| {
        let user = state.user(account, name).ok_or_else(no_such_entity("user", name))?;
        let login = user.login_profile.as_ref().ok_or_else(no_login(name))?;
        if !matches(&login.password_hash, &input.old_password) {
            return Err(cloudlet_aws::FaultKind::sender("AccessDenied", 403).says("The old password was incorrect."));
        }
        check(policy_of(state, account), &input.new_password)?;
        check_reuse(state, account, login, &input.new_password)?;
        if let Some(login) = &mut iam.user_mut(state, account, name)?.login_profile {
            set_password(login, hash, cx);
            login.password_reset_required = false;
        }
        Ok(Empty {})
    })
});

operation!(UpdateAccountPasswordPolicy, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| {
    let policy = state::PasswordPolicy {
        minimum_length: input.minimum_password_length.unwrap_or(6),
        require_symbols: input.require_symbols == Some(true),
        require_numbers: input.require_numbers == Some(true),
        require_uppercase: input.require_uppercase_characters == Some(true),
        require_lowercase: input.require_lowercase_characters == Some(true),
        allow_users_to_change: input.allow_users_to_change_password == Some(true),
        max_age: input.max_password_age.filter(|days| *days > 0),
        reuse_prevention: input.password_reuse_prevention.filter(|n| *n > 0),
        hard_expiry: input.hard_expiry,
    };
    iam.identity.write(|state| {
        Iam::account_settings_mut(state, cx.scope.account).password_policy = Some(policy);
        Ok(Empty {})
    })
});

fn no_policy(account: Account) -> Fault {
    no_such(format!("The Password Policy with domain name {account} cannot be found."))
}

operation!(GetAccountPasswordPolicy, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.read(|state| {
    let account = cx.scope.account;
    let policy = policy_of(state, account).ok_or_else(|| no_policy(account))?;
    let password_policy = PasswordPolicy {
        minimum_password_length: Some(policy.minimum_length),
        require_symbols: Some(policy.require_symbols),
        require_numbers: Some(policy.require_numbers),
        require_uppercase_characters: Some(policy.require_uppercase),
        require_lowercase_characters: Some(policy.require_lowercase),
        allow_users_to_change_password: Some(policy.allow_users_to_change),
        expire_passwords: Some(policy.max_age.is_some()),
        max_password_age: policy.max_age,
        password_reuse_prevention: policy.reuse_prevention,
        hard_expiry: policy.hard_expiry,
    };
    Ok(GetAccountPasswordPolicyResponse { password_policy })
}));

operation!(DeleteAccountPasswordPolicy, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| iam.identity.write(|state| {
    let account = cx.scope.account;
    match Iam::account_settings_mut(state, account).password_policy.take() {
        Some(_) => Ok(Empty {}),
        None => Err(no_policy(account)),
    }
}));
