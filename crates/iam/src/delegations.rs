//! Temporary delegation: a partner asks for access to a customer's account for a while; the customer looks at it, passes it on, accepts or
//! rejects it, and releases a token, for which STS gives the partner credentials.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies-temporary-delegation.html>
//! Deliberately no registration of partners: AWS does that by hand, and here whoever starts the server names them (`Partners`).

mod coverage;
mod notices;
mod requests;

pub use notices::ExpireDelegation;

use crate::{
    Iam,
    faults::{bad_input, gone},
    limits,
    operation::{Want, operation},
    paging::page,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Arn, Caller, Fault, FaultKind, Identity as Who, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_identity::{
    Origin, Secret, Session,
    delegations::{Delegation, Owner, Release, Stage},
    state::State,
};
use cloudlet_policy::{Grant, Reach};
use cloudlet_shape::Empty;

const DENIED: FaultKind = FaultKind::sender("AccessDenied", 403);

/// How long a request may stay in a stage.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html#temporary-delegation-state-transitions>
fn lifetime(stage: Stage) -> i64 {
    let days = if stage == Stage::Unassigned { 1 } else { 7 };
    days * 86_400
}

/// "By default, IAM principals who initiate a delegation request are automatically granted permissions to manage that specific request":
/// no policy needs to allow it, and one can still deny it. Boundaries and session policies limit it.
const INITIATOR: Grant<'static> = Grant { name: "initiator of the delegation request", reach: Reach::Issuer };

/// Who needs no policy for an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Free {
    Nobody,
    /// As long as nobody owns the request, whoever may come to own it.
    Finder,
    Owner,
    FinderOrOwner,
}

fn no_request(id: &str) -> impl FnOnce() -> Fault {
    move || gone(format!("Delegation request {id} cannot be found."))
}

impl Iam {
    /// Its account is the customer's, as soon as there is one.
    // AWS: unverified: which account stands in the ARN of a request that nobody has associated.
    pub(crate) fn delegation_arn(&self, account: Account, id: &str) -> Arn {
        self.arn(account, "delegation-request", "/", id)
    }

    /// Whether the caller works for somebody else: what it may do by the approver's name is only what was delegated.
    fn is_delegate(&self, caller: &Caller) -> bool {
        self.identity.session_of(caller).is_some_and(|session| session.origin == Origin::Delegation)
    }

    fn want_delegation(&self, cx: &Cx, id: &str, free: Free) -> Want {
        self.identity.read(|state| {
            let home = cx.scope.account;
            let Some(request) = state.delegations.get(id) else { return Want::on(self.delegation_arn(home, id)) };
            let mut want = Want::on(self.delegation_arn(request.owner_account.unwrap_or(home), id));
            if let Some(owner) = &request.owner {
                want = want.with("iam:DelegationRequestOwner", &owner.arn);
            }
            let is_free = match &request.owner {
                None => matches!(free, Free::Finder | Free::FinderOrOwner) && request.owner_account.is_none_or(|account| account == home),
                Some(owner) => matches!(free, Free::Owner | Free::FinderOrOwner) && is(owner, &cx.caller),
            };
            if is_free && !self.is_delegate(&cx.caller) { want.granted(INITIATOR) } else { want }
        })
    }

    /// Changes a request and says which stage it reaches, if another; who listens is told.
    fn advance(&self, cx: &Cx, id: &str, change: impl FnOnce(&mut Delegation, Stage) -> Result<Option<Stage>, Fault>) -> Result<Delegation, Fault> {
        let (request, moved) = self.identity.write(|state| {
            let request = state.delegations.get_mut(id).ok_or_else(no_request(id))?;
            let next = change(request, request.stage(cx.now))?;
            request.updated = cx.now;
            if let Some(next) = next {
                request.stage = next;
                request.expires = cx.now.plus_secs(lifetime(next));
            }
            Ok::<_, Fault>((request.clone(), next.is_some()))
        })?;
        if moved {
            self.tell_stage(cx, &request);
            self.expire_later(cx, &request, request.expires);
        }
        Ok(request)
    }
}

fn is(owner: &Owner, caller: &Caller) -> bool {
    owner.arn == caller.arn && owner.unique_id == caller.unique_id
}

/// The documented way from stage to stage, and no other.
// AWS: unverified: the text, and the code where the operation documents none for it (AcceptDelegationRequest).
fn must_be(id: &str, stage: Stage, allowed: &[Stage]) -> Result<(), Fault> {
    if allowed.contains(&stage) {
        return Ok(());
    }
    let allowed: Vec<&str> = allowed.iter().map(|stage| stage.as_str()).collect();
    Err(bad_input(format!("Delegation request {id} is in the {} state. It must be in one of the states: {}.", stage.as_str(), allowed.join(", "))))
}

fn shown(request: &Delegation, now: Timestamp) -> DelegationRequest {
    DelegationRequest {
        delegation_request_id: Some(request.id.to_string()),
        owner_account_id: request.owner_account.map(|account| account.to_string()),
        description: Some(request.description.clone()),
        request_message: request.message.clone(),
        permissions: Some(requests::shown_permissions(request)),
        permission_policy: Some(request.policy.text.to_string()),
        role_permission_restriction_arns: (!request.boundaries.is_empty()).then(|| request.boundaries.clone()),
        owner_id: request.owner.as_ref().map(|owner| owner.arn.to_string()),
        approver_id: request.approved.as_ref().map(|session| session.caller.arn.to_string()),
        state: Some(request.stage(now).as_str().to_owned()),
        expiration_time: Some(request.expires),
        requestor_id: Some(request.requestor.to_string()),
        requestor_name: Some(request.requestor_name.clone()),
        create_date: Some(request.created),
        session_duration: Some(request.duration),
        redirect_url: request.redirect_url.clone(),
        notes: request.notes.clone(),
        rejection_reason: request.rejection.clone(),
        only_send_by_owner: request.only_send_by_owner,
        updated_time: Some(request.updated),
    }
}

operation!(CreateDelegationRequest, |iam, cx, input| iam.want_to_ask(cx, input), |iam, cx, input| {
    let request = iam.identity.write(|state| {
        let request = iam.new_request(cx, state, input)?;
        state.delegations.insert(request.id.clone(), request.clone());
        Ok::<_, Fault>(request)
    })?;
    iam.expire_later(cx, &request, request.expires);
    Ok(CreateDelegationRequestResponse {
        // AWS: unverified: the page of the console.
        console_deep_link: Some(format!("https://console.aws.amazon.com/iam/home#/delegation_requests/{}", request.id)),
        delegation_request_id: Some(request.id.to_string()),
    })
});

operation!(AssociateDelegationRequest, |iam, cx, input| iam.want_delegation(cx, &input.delegation_request_id, Free::Finder), |iam, cx, input| {
    let account = cx.caller.account.ok_or_else(|| DENIED.says("Only an identity of an account can own a delegation request."))?;
    iam.advance(cx, &input.delegation_request_id, |request, stage| {
        must_be(&request.id, stage, &[Stage::Unassigned])?;
        request.owner_account = Some(account);
        request.owner = Some(Owner { arn: cx.caller.arn.clone(), unique_id: cx.caller.unique_id.clone() });
        Ok(Some(Stage::Assigned))
    })?;
    Ok(Empty {})
});

operation!(GetDelegationRequest, |iam, cx, input| iam.want_delegation(cx, &input.delegation_request_id, Free::FinderOrOwner), |iam, cx, input| {
    let id = &*input.delegation_request_id;
    let request = iam.identity.read(|state| state.delegations.get(id).cloned()).ok_or_else(no_request(id))?;
    // AWS does it in the background; here it is done at once.
    let result = input.delegation_permission_check.unwrap_or_default().then(|| iam.covers(cx, &request).to_owned());
    Ok(GetDelegationRequestResponse {
        delegation_request: Some(shown(&request, cx.now)),
        permission_check_status: result.is_some().then(|| "COMPLETE".to_owned()),
        permission_check_result: result,
    })
});

operation!(
    ListDelegationRequests,
    |iam, cx, input| match input.owner_id.as_deref() {
        None => Want::anything(),
        Some(owner) => {
            let want = Want::anything().with("iam:DelegationRequestOwner", owner);
            if owner == &*cx.caller.arn && !iam.is_delegate(&cx.caller) { want.granted(INITIATOR) } else { want }
        }
    },
    |iam, cx, input| iam.identity.read(|state| {
        let (account, wanted) = (Some(cx.scope.account), input.owner_id.as_deref());
        // "If a delegation request has no owner, even if it is assigned to a specific account, it will not be part of the output."
        let owned = |request: &&Delegation| {
            request.owner_account == account && request.owner.as_ref().is_some_and(|owner| wanted.is_none_or(|wanted| *owner.arn == *wanted))
        };
        let mut requests: Vec<&Delegation> = state.delegations.values().filter(owned).collect();
        requests.sort_by_key(|request| (request.created, &request.id));
        let page = page(requests.into_iter(), input.marker.as_deref(), input.max_items)?.map(|request| shown(request, cx.now));
        Ok(ListDelegationRequestsResponse { delegation_requests: Some(page.items), marker: page.marker, is_truncated: page.is_truncated })
    })
);

operation!(UpdateDelegationRequest, |iam, cx, input| iam.want_delegation(cx, &input.delegation_request_id, Free::Owner), |iam, cx, input| {
    iam.advance(cx, &input.delegation_request_id, |request, stage| {
        must_be(&request.id, stage, &[Stage::Assigned, Stage::PendingApproval])?;
        request.notes = input.notes.or(request.notes.take());
        // AWS: unverified: one that is pending already is not given another week.
        Ok((stage == Stage::Assigned).then_some(Stage::PendingApproval))
    })?;
    Ok(Empty {})
});

operation!(AcceptDelegationRequest, |iam, cx, input| iam.want_delegation(cx, &input.delegation_request_id, Free::Nobody), |iam, cx, input| {
    let own = iam.identity.session_of(&cx.caller);
    if own.as_ref().is_some_and(|session| session.origin == Origin::Delegation) {
        // AWS: unverified. What was lent cannot be lent on.
        return Err(DENIED.says("Delegated access cannot be delegated."));
    }
    iam.advance(cx, &input.delegation_request_id, |request, stage| {
        must_be(&request.id, stage, &[Stage::Assigned, Stage::PendingApproval])?;
        if cx.caller.identity == Who::Root && request.duration > limits::ROOT_DELEGATION_SECONDS {
            // AWS: unverified: the text. "Root users can only approve delegation requests with a duration of 4 hours or less."
            return Err(bad_input("The root user can only accept delegation requests with a session duration of 4 hours or less."));
        }
        request.approved = Some(Box::new(approved(cx, request, own.as_deref())));
        Ok(Some(Stage::Accepted))
    })?;
    Ok(Empty {})
});

/// "At the time of acceptance, IAM records the details and the state of the identity that called this API."
fn approved(cx: &Cx, request: &Delegation, own: Option<&Session>) -> Session {
    Session {
        caller: Caller { access_key: None, ..cx.caller.clone() },
        issuer: own.and_then(|session| session.issuer.clone()),
        secret: Secret::new(""),
        token: Secret::new(""),
        origin: Origin::Delegation,
        issued: cx.now,
        expires: cx.now,
        policies: vec![request.policy.named("delegation request")].into(),
        tags: own.map(|session| session.tags.clone()).unwrap_or_default(),
        transitive: own.map(|session| session.transitive.clone()).unwrap_or_default(),
        source_identity: own.and_then(|session| session.source_identity.clone()),
        mfa: own.and_then(|session| session.mfa),
        provider: own.and_then(|session| session.provider.clone()),
        claims: own.map(|session| session.claims.clone()).unwrap_or_default(),
        within: own.map(|session| session.policies.clone()).unwrap_or_default(),
        delegate: Some(request.requestor),
    }
}

operation!(RejectDelegationRequest, |iam, cx, input| iam.want_delegation(cx, &input.delegation_request_id, Free::Owner), |iam, cx, input| {
    iam.advance(cx, &input.delegation_request_id, |request, stage| {
        must_be(&request.id, stage, &[Stage::Assigned, Stage::PendingApproval, Stage::Accepted])?;
        request.rejection = input.notes;
        request.approved = None;
        Ok(Some(Stage::Rejected))
    })?;
    Ok(Empty {})
});

operation!(SendDelegationToken, |iam, cx, input| iam.want_delegation(cx, &input.delegation_request_id, Free::Owner), |iam, cx, input| {
    let mut random = [0; 32];
    cx.ids().fill_secret(&mut random);
    let request = iam.advance(cx, &input.delegation_request_id, |request, stage| {
        must_be(&request.id, stage, &[Stage::Accepted])?;
        if request.only_send_by_owner.unwrap_or_default() && !request.owner.as_ref().is_some_and(|owner| is(owner, &cx.caller)) {
            // AWS: unverified: the code and the text. "This flag prevents any party other than the owner from calling SendDelegationToken."
            return Err(DENIED.says(format!("The token of delegation request {} can only be sent by its owner.", request.id)));
        }
        let token = Delegation::token(&request.id, &requests::letters(&random));
        // "The delegation period starts when customer releases the exchange token."
        request.release = Some(Release { token, until: cx.now.whole_secs().plus_secs(i64::from(request.duration)) });
        Ok(Some(Stage::Finalized))
    })?;
    iam.tell_token(cx, &request);
    Ok(Empty {})
});

/// The request that an entity's ARN names. AWS: "the only supported entity type is delegation-request".
fn named_by(arn: &str) -> Option<(Account, String)> {
    let arn = Arn::parse(arn).filter(|arn| arn.service() == "iam" && arn.region().is_empty())?;
    Some((Account::parse(arn.account())?, arn.resource().strip_prefix("delegation-request/")?.to_owned()))
}

fn existing(state: &State, account: Account, id: &str) -> bool {
    state.delegations.get(id).is_some_and(|request| request.owner_account.is_none_or(|owner| owner == account))
}

operation!(
    GetHumanReadableSummary,
    |iam, cx, input| match named_by(&input.entity_arn) {
        Some((_, id)) => iam.want_delegation(cx, &id, Free::FinderOrOwner),
        None => return Err(bad_input(format!("{} is not the ARN of a delegation request.", input.entity_arn))),
    },
    |iam, cx, input| {
        let (account, id) = named_by(&input.entity_arn).unwrap_or_default();
        if !iam.identity.read(|state| existing(state, account, &id)) {
            return Err(no_request(&id)());
        }
        // A language model writes it at AWS, and there is none here: the state that no client waits in.
        Ok(GetHumanReadableSummaryResponse { summary_content: None, locale: input.locale, summary_state: Some("NOT_SUPPORTED".to_owned()) })
    }
);
