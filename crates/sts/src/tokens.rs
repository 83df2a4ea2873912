//! Tokens for who has long-term credentials: GetSessionToken and GetFederationToken; and for who manages an organization: AssumeRoot.

use crate::{
    Sts,
    sessions::{DENIED, Limits, VALIDATION, at_least, long_term, session_tags, tag_keys, told_size, with_key},
};
use cloudlet_api_sts::*;
use cloudlet_aws::{Account, Arn, Caller, Fault, Identity as Who};
use cloudlet_engine::{Cx, Handle, Keys, Permission, Permissions};
use cloudlet_identity::{Fresh, Origin, Session, Tags, managed};
use std::sync::Arc;

/// Twelve hours, unless asked otherwise.
const USUAL_SECONDS: i32 = 43_200;
/// AWS: for root, longer values are shortened to an hour.
const ROOT_SECONDS: i32 = 3_600;
const ASSUME_ROOT_SECONDS: i32 = 900;

fn seconds(cx: &Cx, asked: Option<i32>) -> i64 {
    let seconds = asked.unwrap_or(USUAL_SECONDS);
    i64::from(if cx.caller.identity == Who::Root { seconds.min(ROOT_SECONDS) } else { seconds })
}

fn session(cx: &Cx, fresh: &Fresh, caller: Caller, origin: Origin, seconds: i64, limits: Limits) -> Session {
    Session {
        caller: with_key(caller, fresh),
        issuer: None,
        secret: fresh.secret.clone(),
        token: fresh.token.clone(),
        origin,
        issued: cx.now.whole_secs(),
        expires: cx.now.whole_secs().plus_secs(seconds),
        policies: limits.policies,
        tags: Tags::new(),
        transitive: Vec::new(),
        source_identity: None,
        mfa: None,
        provider: None,
        claims: Vec::new(),
        within: Arc::default(),
        delegate: None,
    }
}

impl Handle<GetSessionToken> for Sts {
    /// "No permissions are required for users to perform this operation."
    fn permissions(&self, _: &Cx, _: &GetSessionTokenRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: GetSessionTokenRequest) -> Result<GetSessionTokenResponse, Fault> {
        long_term(cx, "GetSessionToken")?;
        let account = cx.caller.account.ok_or_else(|| DENIED.says("Cannot call GetSessionToken without an account"))?;
        let mfa = self.mfa(cx, input.serial_number.as_deref(), input.token_code.as_deref())?;
        let fresh = Fresh::new(cx.ids(), account, at_least(input.minimum_session_token_size));
        let none = self.limits(account, None, None, &Tags::new())?;
        let session = session(cx, &fresh, cx.caller.clone(), Origin::SessionToken, seconds(cx, input.duration_seconds), none);
        let credentials = self.open(fresh, Session { mfa, ..session });
        let (session_token_size, session_token_utilization) = told_size(input.minimum_session_token_size, &credentials);
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
        long_term(cx, "GetFederationToken")?;
        let arn = self.federated_arn(cx.scope.account, &input.name);
        let (tags, _) = session_tags(input.tags.as_deref(), None)?;
        let mut keys = Keys::new();
        tag_keys(&mut keys, &tags, &[]);
        let permission = |action| Permission { keys: keys.clone(), ..Permission::action(action, arn.clone()) };
        let mut permissions: Permissions = permission("sts:GetFederationToken").into();
        if !tags.is_empty() {
            permissions.push(permission("sts:TagSession"));
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: GetFederationTokenRequest) -> Result<GetFederationTokenResponse, Fault> {
        let account = cx.caller.account.ok_or_else(|| DENIED.says("Cannot call GetFederationToken without an account"))?;
        let (tags, _) = session_tags(input.tags.as_deref(), None)?;
        let limits = self.limits(account, input.policy.as_deref(), input.policy_arns.as_deref(), &tags)?;
        let packed = limits.packed;
        let fresh = Fresh::new(cx.ids(), account, at_least(input.minimum_session_token_size));
        let arn = self.federated_arn(account, &input.name);
        let id = format!("{account}:{}", input.name);
        let caller = Caller {
            account: Some(account),
            identity: Who::FederatedUser { name: input.name.as_str().into() },
            arn: arn.as_str().into(),
            unique_id: id.as_str().into(),
            access_key: None,
        };
        let session = session(cx, &fresh, caller, Origin::FederationToken, seconds(cx, input.duration_seconds), limits);
        let credentials = self.open(fresh, Session { issuer: Some(cx.caller.clone()), tags, ..session });
        let (session_token_size, session_token_utilization) = told_size(input.minimum_session_token_size, &credentials);
        Ok(GetFederationTokenResponse {
            credentials: Some(credentials),
            federated_user: Some(FederatedUser { federated_user_id: id, arn: arn.to_string() }),
            packed_policy_size: packed,
            session_token_utilization,
            session_token_size,
        })
    }
}

/// What root of a member account may be assumed for.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html>
const TASKS: [&str; 5] =
    ["IAMAuditRootUserCredentials", "IAMCreateRootUserPassword", "IAMDeleteRootUserCredentials", "S3UnlockBucketPolicy", "SQSUnlockQueuePolicy"];

impl Sts {
    /// The account whose root is meant: by its id, or by the ARN of its root.
    fn target(principal: &str) -> Result<Account, Fault> {
        let account = match principal.strip_suffix(":root") {
            Some(head) => head.rsplit(':').next().and_then(Account::parse),
            None => Account::parse(principal),
        };
        account.ok_or_else(|| VALIDATION.says(format!("{principal} is invalid")))
    }
}

impl Handle<AssumeRoot> for Sts {
    fn permissions(&self, _: &Cx, input: &AssumeRootRequest) -> Result<Permissions, Fault> {
        let account = Sts::target(&input.target_principal)?;
        let arn = Arn::build(self.identity.partition(), "iam", "", account.as_str(), "root");
        let task = input.task_policy_arn.arn.clone().unwrap_or_default();
        // The target's account has no policy to say in this: the organization's management has been trusted with its roots.
        Ok(Permission { owner: None, ..Permission::action("sts:AssumeRoot", arn).with_key("sts:TaskPolicyArn", task) }.into())
    }

    async fn handle(&self, cx: &Cx, input: AssumeRootRequest) -> Result<AssumeRootResponse, Fault> {
        let target = Sts::target(&input.target_principal)?;
        let refused = || {
            DENIED.says(format!(
                "User: {} is not authorized to perform: sts:AssumeRoot on resource: arn:{}:iam::{target}:root",
                cx.caller.arn,
                self.identity.partition()
            ))
        };
        let allowed = self.identity.read(|state| {
            let organization = state.organization.get(&())?;
            let trusted = Some(organization.management) == cx.caller.account && organization.features.iter().any(|one| one == "RootSessions");
            (trusted && target != organization.management && organization.accounts.contains_key(&target)).then_some(())
        });
        allowed.ok_or_else(refused)?;
        let arn = input.task_policy_arn.arn.unwrap_or_default();
        let task = arn.split_once("::aws:policy/root-task/").map(|(_, task)| task).filter(|task| TASKS.contains(task));
        let policy = task.and_then(|_| self.identity.read(|state| managed(state, &arn)));
        let policy = policy.ok_or_else(|| VALIDATION.says(format!("{arn} is not a task policy.")))?;
        let fresh = Fresh::new(cx.ids(), target, at_least(input.minimum_session_token_size));
        let caller = Caller::root(target, self.identity.partition(), None);
        let seconds = i64::from(input.duration_seconds.unwrap_or(ASSUME_ROOT_SECONDS).clamp(1, ASSUME_ROOT_SECONDS));
        let limits = Limits { policies: vec![policy].into(), packed: None };
        let source = self.identity.session_of(&cx.caller).and_then(|session| session.source_identity.clone());
        let session = session(cx, &fresh, caller, Origin::AssumeRoot, seconds, limits);
        let credentials = self.open(fresh, Session { source_identity: source.clone(), ..session });
        let (session_token_size, session_token_utilization) = told_size(input.minimum_session_token_size, &credentials);
        Ok(AssumeRootResponse {
            credentials: Some(credentials),
            source_identity: source.map(|source| source.to_string()),
            session_token_utilization,
            session_token_size,
        })
    }
}
