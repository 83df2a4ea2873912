//! GetSessionToken and GetFederationToken, for callers with long-term credentials, and AssumeRoot, for the management account.

use crate::{
    Sts,
    sessions::{DENIED, VALIDATION, minimum_token_size, require_long_term_credentials, session_tags, tag_keys, token_size_output},
};
use cloudlet_api_sts::*;
use cloudlet_aws::{Account, Arn, ArnParts, Caller, Fault, Identity as Who};
use cloudlet_engine::{Cx, Handle, Keys, Permission, Permissions};
use cloudlet_identity::{Session, SessionCredentials, SessionKind, managed_policy};

const DEFAULT_SECONDS: i32 = 43_200;
/// AWS: for root, longer durations are shortened to an hour.
const ROOT_SECONDS: i32 = 3_600;
const ASSUME_ROOT_SECONDS: i32 = 900;

fn seconds(cx: &Cx, asked: Option<i32>) -> i64 {
    let seconds = asked.unwrap_or(DEFAULT_SECONDS);
    i64::from(if cx.caller.identity == Who::Root { seconds.min(ROOT_SECONDS) } else { seconds })
}

impl Handle<GetSessionToken> for Sts {
    /// "No permissions are required for users to perform this operation."
    fn permissions(&self, _: &Cx, _: &GetSessionTokenRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: GetSessionTokenRequest) -> Result<GetSessionTokenResponse, Fault> {
        require_long_term_credentials(cx, "GetSessionToken")?;
        let account = cx.caller.account.ok_or_else(|| DENIED.says("Cannot call GetSessionToken without an account"))?;
        let mfa = self.check_mfa(cx, input.serial_number.as_deref(), input.token_code.as_deref())?;
        let new_credentials = SessionCredentials::new(cx.ids(), account, minimum_token_size(input.minimum_session_token_size));
        let seconds = seconds(cx, input.duration_seconds);
        let session = Session { mfa_at: mfa, ..Session::new(cx.caller.clone(), &new_credentials, SessionKind::SessionToken, cx.now, seconds) };
        let credentials = self.start_session(new_credentials, session);
        let (session_token_size, session_token_utilization) = token_size_output(input.minimum_session_token_size, &credentials);
        Ok(GetSessionTokenResponse { credentials: Some(credentials), session_token_utilization, session_token_size })
    }
}

impl Sts {
    fn federated_arn(&self, account: Account, name: &str) -> Arn {
        Arn::build(self.identity.partition(), "sts", "", account.as_str(), &format!("federated-user/{name}"))
    }
}

impl Handle<GetFederationToken> for Sts {
    fn permissions(&self, cx: &Cx, input: &GetFederationTokenRequest) -> Result<Permissions, Fault> {
        require_long_term_credentials(cx, "GetFederationToken")?;
        let arn = self.federated_arn(cx.scope.account, &input.name);
        let (tags, _) = session_tags(input.tags.as_deref(), None)?;
        let mut keys = Keys::new();
        tag_keys(&mut keys, &tags, &[]);
        let permission = Permission { keys, ..Permission::action("sts:GetFederationToken", arn) };
        Ok(permission.and([(!tags.is_empty()).then_some("sts:TagSession")]))
    }

    async fn handle(&self, cx: &Cx, input: GetFederationTokenRequest) -> Result<GetFederationTokenResponse, Fault> {
        let account = cx.caller.account.ok_or_else(|| DENIED.says("Cannot call GetFederationToken without an account"))?;
        let (tags, _) = session_tags(input.tags.as_deref(), None)?;
        let session_policies = self.session_policies(account, input.policy.as_deref(), input.policy_arns.as_deref(), &tags)?;
        let new_credentials = SessionCredentials::new(cx.ids(), account, minimum_token_size(input.minimum_session_token_size));
        let arn = self.federated_arn(account, &input.name);
        let id = format!("{account}:{}", input.name);
        let caller = Caller {
            account: Some(account),
            identity: Who::FederatedUser { name: input.name.as_str().into() },
            arn: arn.as_str().into(),
            unique_id: id.as_str().into(),
            access_key: None,
        };
        let packed = session_policies.packed_size;
        let session = Session {
            issuer: Some(cx.caller.clone()),
            policies: session_policies.policies,
            tags,
            ..Session::new(caller, &new_credentials, SessionKind::FederationToken, cx.now, seconds(cx, input.duration_seconds))
        };
        let credentials = self.start_session(new_credentials, session);
        let (session_token_size, session_token_utilization) = token_size_output(input.minimum_session_token_size, &credentials);
        Ok(GetFederationTokenResponse {
            credentials: Some(credentials),
            federated_user: Some(FederatedUser { federated_user_id: id, arn: arn.to_string() }),
            // AWS: zero without policies and tags, where AssumeRole and its siblings omit it.
            packed_policy_size: packed.or(Some(0)),
            session_token_utilization,
            session_token_size,
        })
    }
}

/// The task policies of AssumeRoot.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html>
const TASKS: [&str; 5] =
    ["IAMAuditRootUserCredentials", "IAMCreateRootUserPassword", "IAMDeleteRootUserCredentials", "S3UnlockBucketPolicy", "SQSUnlockQueuePolicy"];

impl Sts {
    /// The account of a target principal: an account id, or the ARN of a root user.
    fn target_account(principal: &str) -> Result<Account, Fault> {
        let account = match ArnParts::parse(principal) {
            Some(parts) => Account::parse(parts.account).filter(|_| parts.service == "iam" && parts.resource == "root"),
            None => Account::parse(principal),
        };
        account.ok_or_else(|| VALIDATION.says(format!("{principal} is invalid")))
    }
}

impl Handle<AssumeRoot> for Sts {
    fn permissions(&self, _: &Cx, input: &AssumeRootRequest) -> Result<Permissions, Fault> {
        let account = Sts::target_account(&input.target_principal)?;
        let arn = Arn::build(self.identity.partition(), "iam", "", account.as_str(), "root");
        let task = input.task_policy_arn.arn.clone().unwrap_or_default();
        // The target account has no policy about this: only the caller's policies decide.
        Ok(Permission { owner: None, ..Permission::action("sts:AssumeRoot", arn).with_key("sts:TaskPolicyArn", task) }.into())
    }

    async fn handle(&self, cx: &Cx, input: AssumeRootRequest) -> Result<AssumeRootResponse, Fault> {
        let target = Sts::target_account(&input.target_principal)?;
        let denied = || {
            DENIED.says(format!(
                "User: {} is not authorized to perform: sts:AssumeRoot on resource: arn:{}:iam::{target}:root",
                cx.caller.arn,
                self.identity.partition()
            ))
        };
        let allowed = self.identity.read(|state| {
            let organization = state.organization.get(&())?;
            let trusted = Some(organization.management) == cx.caller.account && organization.enabled_features.iter().any(|one| one == "RootSessions");
            (trusted && target != organization.management && organization.accounts.contains_key(&target)).then_some(())
        });
        allowed.ok_or_else(denied)?;
        let arn = input.task_policy_arn.arn.unwrap_or_default();
        let task = arn.split_once("::aws:policy/root-task/").map(|(_, task)| task).filter(|task| TASKS.contains(task));
        let policy = task.and_then(|_| self.identity.read(|state| managed_policy(state, &arn)));
        let policy = policy.ok_or_else(|| VALIDATION.says(format!("{arn} is not a task policy.")))?;
        let new_credentials = SessionCredentials::new(cx.ids(), target, minimum_token_size(input.minimum_session_token_size));
        let caller = Caller::root(target, self.identity.partition(), None);
        let seconds = i64::from(input.duration_seconds.unwrap_or(ASSUME_ROOT_SECONDS).clamp(1, ASSUME_ROOT_SECONDS));
        let source = self.identity.session_of(&cx.caller).and_then(|session| session.source_identity.clone());
        let session = Session {
            policies: vec![policy].into(),
            source_identity: source.clone(),
            ..Session::new(caller, &new_credentials, SessionKind::AssumeRoot, cx.now, seconds)
        };
        let credentials = self.start_session(new_credentials, session);
        let (session_token_size, session_token_utilization) = token_size_output(input.minimum_session_token_size, &credentials);
        Ok(AssumeRootResponse {
            credentials: Some(credentials),
            source_identity: source.map(|source| source.to_string()),
            session_token_utilization,
            session_token_size,
        })
    }
}
