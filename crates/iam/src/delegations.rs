//! Temporary delegation: a partner requests access to a customer's account; the customer accepts or rejects the request and releases a
//! token, which the partner exchanges for credentials with STS.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies-temporary-delegation.html>
//! Deliberately no registration of partners: they are configured when the server starts (`Partners`).

mod coverage;
mod notices;
mod requests;

pub use notices::ExpireDelegation;

use crate::{
    Iam,
    faults::{invalid_input, no_such},
    limits,
    operation::{RequiredPermission, operation},
    paging::page,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Arn, Caller, Fault, FaultKind, Identity as Who, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_identity::{
    Secret, Session, SessionKind,
    delegations::{Delegation, DelegationOwner, DelegationState, ReleasedToken},
    state::State,
};
use cloudlet_policy::{Grant, Reach};
use cloudlet_shape::Empty;
use std::collections::BTreeMap;

const DENIED: FaultKind = FaultKind::sender("AccessDenied", 403);

/// "By default, IAM principals who initiate a delegation request are automatically granted permissions to manage that specific request":
/// no policy needs to allow it, but a policy can deny it. Boundaries and session policies limit it.
const INITIATOR: Grant<'static> = Grant { name: "initiator of the delegation request", reach: Reach::Issuer };

/// Who has the permission for an operation without a policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GrantedTo {
    Nobody,
    /// Any principal that may associate the request, while it has no owner.
    Initiator,
    Owner,
    InitiatorOrOwner,
}

fn no_request(id: &str) -> impl FnOnce() -> Fault {
    move || no_such(format!("Delegation request {id} cannot be found."))
}

impl Iam {
    /// The account is the customer's, once there is one.
    // AWS: unverified: the account in the ARN of a request that is not associated.
    pub(crate) fn delegation_arn(&self, account: Account, id: &str) -> Arn {
        self.arn(account, "delegation-request", "/", id)
    }

    /// Whether the caller is a delegated session. Grants of the approver do not apply to it.
    fn is_delegate(&self, caller: &Caller) -> bool {
        self.identity.session_of(caller).is_some_and(|session| session.kind == SessionKind::Delegation)
    }

    fn on_delegation_request(&self, cx: &Cx, id: &str, granted_to: GrantedTo) -> RequiredPermission {
        self.identity.read(|state| {
            let home = cx.scope.account;
            let Some(request) = state.delegation_requests.get(id) else { return RequiredPermission::on(self.delegation_arn(home, id)) };
            let mut permission = RequiredPermission::on(self.delegation_arn(request.owner_account.unwrap_or(home), id));
            if let Some(owner) = &request.owner {
                permission = permission.with_key("iam:DelegationRequestOwner", &owner.arn);
            }
            let is_granted = match &request.owner {
                None => {
                    matches!(granted_to, GrantedTo::Initiator | GrantedTo::InitiatorOrOwner)
                        && request.owner_account.is_none_or(|account| account == home)
                }
                Some(owner) => matches!(granted_to, GrantedTo::Owner | GrantedTo::InitiatorOrOwner) && is_owner(owner, &cx.caller),
            };
            if is_granted && !self.is_delegate(&cx.caller) { permission.with_grant(INITIATOR) } else { permission }
        })
    }

    /// Changes a request. If `change` returns a new state, the partner is notified.
    fn change_request(
        &self,
        cx: &Cx,
        id: &str,
        change: impl FnOnce(&mut Delegation, DelegationState) -> Result<Option<DelegationState>, Fault>,
    ) -> Result<Delegation, Fault> {
        let (request, has_new_state) = self.identity.write(|state| {
            let request = state.delegation_requests.get_mut(id).ok_or_else(no_request(id))?;
            let next = change(request, request.state_at(cx.now))?;
            request.updated = cx.now;
            if let Some(next) = next {
                request.state = next;
                request.expires = cx.now.plus_secs(requests::lifetime(next));
            }
            Ok::<_, Fault>((request.clone(), next.is_some()))
        })?;
        if has_new_state {
            self.notify_state(cx, &request);
            self.schedule_expiry(cx, &request, request.expires)?;
        }
        Ok(request)
    }
}

fn is_owner(owner: &DelegationOwner, caller: &Caller) -> bool {
    owner.arn == caller.arn && owner.unique_id == caller.unique_id
}

/// Only the documented state transitions are allowed.
// AWS: unverified: the message, and the code of AcceptDelegationRequest.
fn must_be(id: &str, state: DelegationState, allowed: &[DelegationState]) -> Result<(), Fault> {
    if allowed.contains(&state) {
        return Ok(());
    }
    let allowed: Vec<&str> = allowed.iter().map(|state| state.as_str()).collect();
    Err(invalid_input(format!(
        "Delegation request {id} is in the {} state. It must be in one of the states: {}.",
        state.as_str(),
        allowed.join(", ")
    )))
}

fn shown(request: &Delegation, now: Timestamp) -> DelegationRequest {
    DelegationRequest {
        delegation_request_id: Some(request.id.to_string()),
        owner_account_id: request.owner_account.map(|account| account.to_string()),
        description: Some(request.description.clone()),
        request_message: request.message.clone(),
        permissions: Some(requests::shown_permissions(request)),
        permission_policy: Some(request.policy.text.to_string()),
        role_permission_restriction_arns: (!request.permissions_boundaries.is_empty()).then(|| request.permissions_boundaries.clone()),
        owner_id: request.owner.as_ref().map(|owner| owner.arn.to_string()),
        approver_id: request.approved.as_ref().map(|session| session.caller.arn.to_string()),
        state: Some(request.state_at(now).as_str().to_owned()),
        expiration_time: Some(request.expires),
        requestor_id: Some(request.requestor.to_string()),
        requestor_name: Some(request.requestor_name.clone()),
        create_date: Some(request.created),
        session_duration: Some(request.session_duration),
        redirect_url: request.redirect_url.clone(),
        notes: request.notes.clone(),
        rejection_reason: request.rejection_reason.clone(),
        only_send_by_owner: request.only_send_by_owner,
        updated_time: Some(request.updated),
    }
}

operation!(CreateDelegationRequest, |iam, cx, input| iam.on_new_delegation_request(cx, input), |iam, cx, input| {
    let request = iam.identity.write(|state| {
        let request = iam.new_request(cx, state, input)?;
        state.delegation_requests.insert(request.id.clone(), request.clone());
        Ok::<_, Fault>(request)
    })?;
    iam.schedule_expiry(cx, &request, request.expires)?;
    Ok(CreateDelegationRequestResponse {
        // AWS: unverified: the page of the console.
        console_deep_link: Some(format!("https://console.aws.amazon.com/iam/home#/delegation_requests/{}", request.id)),
        delegation_request_id: Some(request.id.to_string()),
    })
});

operation!(
    AssociateDelegationRequest,
    |iam, cx, input| iam.on_delegation_request(cx, &input.delegation_request_id, GrantedTo::Initiator),
    |iam, cx, input| {
        let account = cx.caller.account.ok_or_else(|| DENIED.says("Only an identity of an account can own a delegation request."))?;
        iam.change_request(cx, &input.delegation_request_id, |request, state| {
            must_be(&request.id, state, &[DelegationState::Unassigned])?;
            request.owner_account = Some(account);
            request.owner = Some(DelegationOwner { arn: cx.caller.arn.clone(), unique_id: cx.caller.unique_id.clone() });
            Ok(Some(DelegationState::Assigned))
        })?;
        Ok(Empty {})
    }
);

operation!(
    GetDelegationRequest,
    |iam, cx, input| iam.on_delegation_request(cx, &input.delegation_request_id, GrantedTo::InitiatorOrOwner),
    |iam, cx, input| {
        let id = &*input.delegation_request_id;
        let request = iam.identity.read(|state| state.delegation_requests.get(id).cloned()).ok_or_else(no_request(id))?;
        // AWS checks in the background; here the result is complete at once.
        let result = input.delegation_permission_check.unwrap_or_default().then(|| iam.check_permissions(cx, &request).to_owned());
        Ok(GetDelegationRequestResponse {
            delegation_request: Some(shown(&request, cx.now)),
            permission_check_status: result.is_some().then(|| "COMPLETE".to_owned()),
            permission_check_result: result,
        })
    }
);

operation!(
    ListDelegationRequests,
    |iam, cx, input| match input.owner_id.as_deref() {
        None => RequiredPermission::without_resource(),
        Some(owner) => {
            let permission = RequiredPermission::without_resource().with_key("iam:DelegationRequestOwner", owner);
            if owner == &*cx.caller.arn && !iam.is_delegate(&cx.caller) { permission.with_grant(INITIATOR) } else { permission }
        }
    },
    |iam, cx, input| iam.identity.read(|state| {
        let (account, wanted) = (Some(cx.scope.account), input.owner_id.as_deref());
        // "If a delegation request has no owner, even if it is assigned to a specific account, it will not be part of the output."
        let owned = |request: &&Delegation| {
            request.owner_account == account && request.owner.as_ref().is_some_and(|owner| wanted.is_none_or(|wanted| *owner.arn == *wanted))
        };
        let requests = state.delegation_requests.values().filter(owned);
        let requests: BTreeMap<_, _> = requests.map(|request| ((request.created, request.id.to_string()), request)).collect();
        let page = page::<ListDelegationRequests, _, _>(cx, &input, requests)?.map(|request| shown(request, cx.now));
        Ok(ListDelegationRequestsResponse { delegation_requests: Some(page.items), marker: page.marker, is_truncated: page.is_truncated })
    })
);

operation!(
    UpdateDelegationRequest,
    |iam, cx, input| iam.on_delegation_request(cx, &input.delegation_request_id, GrantedTo::Owner),
    |iam, cx, input| {
        iam.change_request(cx, &input.delegation_request_id, |request, state| {
            must_be(&request.id, state, &[DelegationState::Assigned, DelegationState::PendingApproval])?;
            request.notes = input.notes.or(request.notes.take());
            // AWS: unverified: a request that is pending already does not get another week.
            Ok((state == DelegationState::Assigned).then_some(DelegationState::PendingApproval))
        })?;
        Ok(Empty {})
    }
);

operation!(
    AcceptDelegationRequest,
    |iam, cx, input| iam.on_delegation_request(cx, &input.delegation_request_id, GrantedTo::Nobody),
    |iam, cx, input| {
        let own = iam.identity.session_of(&cx.caller);
        if own.as_ref().is_some_and(|session| session.kind == SessionKind::Delegation) {
            // AWS: unverified.
            return Err(DENIED.says("Delegated access cannot be delegated."));
        }
        iam.change_request(cx, &input.delegation_request_id, |request, state| {
            must_be(&request.id, state, &[DelegationState::Assigned, DelegationState::PendingApproval])?;
            if cx.caller.identity == Who::Root && request.session_duration > limits::ROOT_DELEGATION_SECONDS {
                // AWS: unverified: the message. "Root users can only approve delegation requests with a duration of 4 hours or less."
                return Err(invalid_input("The root user can only accept delegation requests with a session duration of 4 hours or less."));
            }
            request.approved = Some(Box::new(approved(cx, request, own.as_deref())));
            Ok(Some(DelegationState::Accepted))
        })?;
        Ok(Empty {})
    }
);

/// "At the time of acceptance, IAM records the details and the state of the identity that called this API."
fn approved(cx: &Cx, request: &Delegation, own: Option<&Session>) -> Session {
    Session {
        caller: Caller { access_key: None, ..cx.caller.clone() },
        issuer: own.and_then(|session| session.issuer.clone()),
        secret: Secret::new(""),
        token: Secret::new(""),
        kind: SessionKind::Delegation,
        issued: cx.now,
        expires: cx.now,
        policies: vec![request.policy.named("delegation request")].into(),
        tags: own.map(|session| session.tags.clone()).unwrap_or_default(),
        transitive_tag_keys: own.map(|session| session.transitive_tag_keys.clone()).unwrap_or_default(),
        source_identity: own.and_then(|session| session.source_identity.clone()),
        mfa_at: own.and_then(|session| session.mfa_at),
        federated_provider: own.and_then(|session| session.federated_provider.clone()),
        claims: own.map(|session| session.claims.clone()).unwrap_or_default(),
        approver_policies: own.map(|session| session.policies.clone()).unwrap_or_default(),
        delegate: Some(request.requestor),
    }
}

operation!(
    RejectDelegationRequest,
    |iam, cx, input| iam.on_delegation_request(cx, &input.delegation_request_id, GrantedTo::Owner),
    |iam, cx, input| {
        iam.change_request(cx, &input.delegation_request_id, |request, state| {
            must_be(&request.id, state, &[DelegationState::Assigned, DelegationState::PendingApproval, DelegationState::Accepted])?;
            request.rejection_reason = input.notes;
            request.approved = None;
            Ok(Some(DelegationState::Rejected))
        })?;
        Ok(Empty {})
    }
);

operation!(SendDelegationToken, |iam, cx, input| iam.on_delegation_request(cx, &input.delegation_request_id, GrantedTo::Owner), |iam, cx, input| {
    let mut random = [0; 32];
    cx.ids().fill_secret(&mut random);
    let request = iam.change_request(cx, &input.delegation_request_id, |request, state| {
        must_be(&request.id, state, &[DelegationState::Accepted])?;
        if request.only_send_by_owner.unwrap_or_default() && !request.owner.as_ref().is_some_and(|owner| is_owner(owner, &cx.caller)) {
            // AWS: unverified: the code and the message. "This flag prevents any party other than the owner from calling SendDelegationToken."
            return Err(DENIED.says(format!("The token of delegation request {} can only be sent by its owner.", request.id)));
        }
        let token = Delegation::token(&request.id, &requests::token_text(&random));
        // "The delegation period starts when customer releases the exchange token."
        request.released_token = Some(ReleasedToken { token, expires: cx.now.whole_secs().plus_secs(i64::from(request.session_duration)) });
        Ok(Some(DelegationState::Finalized))
    })?;
    iam.notify_token(cx, &request);
    Ok(Empty {})
});

/// The account and the id of an entity ARN. AWS: "the only supported entity type is delegation-request".
fn named_by(arn: &str) -> Option<(Account, String)> {
    let arn = Arn::parse(arn).filter(|arn| arn.service() == "iam" && arn.region().is_empty())?;
    Some((Account::parse(arn.account())?, arn.resource().strip_prefix("delegation-request/")?.to_owned()))
}

fn exists(state: &State, account: Account, id: &str) -> bool {
    state.delegation_requests.get(id).is_some_and(|request| request.owner_account.is_none_or(|owner| owner == account))
}

operation!(
    GetHumanReadableSummary,
    |iam, cx, input| match named_by(&input.entity_arn) {
        Some((_, id)) => iam.on_delegation_request(cx, &id, GrantedTo::InitiatorOrOwner),
        None => return Err(invalid_input(format!("{} is not the ARN of a delegation request.", input.entity_arn))),
    },
    |iam, cx, input| {
        let (account, id) = named_by(&input.entity_arn).unwrap_or_default();
        if !iam.identity.read(|state| exists(state, account, &id)) {
            return Err(no_request(&id)());
        }
        // AWS generates the summary with a language model. Clients do not wait in this state.
        Ok(GetHumanReadableSummaryResponse { summary_content: None, locale: input.locale, summary_state: Some("NOT_SUPPORTED".to_owned()) })
    }
);
