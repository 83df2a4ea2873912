//! CreateGrant, ListGrants, RevokeGrant, RetireGrant, ListRetirableGrants.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/create-grant-overview.html>

use crate::{
    Kms,
    encryption::check_dry_run,
    faults,
    grants::{Constraints, Grant, GrantId, GrantOperation, GrantPrincipal, GrantUse, names_of},
    key_ids::{Aliases, Named},
    limits, on_key,
    pages::page,
    permissions::{Reach, of_account},
};
use cloudlet_api_kms::*;
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_engine::{Cx, Grant as PolicyGrant, Handle, Permission, Permissions, Reach as GrantReach};
use cloudlet_shape::Empty;
use cloudlet_store::Secret;
use std::{ops::Bound, sync::Arc};

const USUAL_PAGE: usize = 50;

impl Kms {
    /// Grant tokens say which grants a call relies on before they are known everywhere. Here they are known at once; a token that never was is
    /// refused.
    pub fn check_grant_tokens(&self, tokens: Option<&[String]>) -> Result<(), Fault> {
        let Some(tokens) = tokens else { return Ok(()) };
        // A grant that was retired since has a token of the right form.
        if tokens.iter().all(|token| is_token(token)) {
            return Ok(());
        }
        // AWS: unverified message.
        Err(faults::INVALID_GRANT_TOKEN.says("Invalid grant token."))
    }
}

const TOKEN_PREFIX: &str = "AQpA";
const TOKEN_CHARACTERS: usize = 160;

fn is_token(text: &str) -> bool {
    text.len() == TOKEN_PREFIX.len() + TOKEN_CHARACTERS && text.starts_with(TOKEN_PREFIX)
}

fn new_token(cx: &Cx) -> Secret<Arc<str>> {
    Secret::new(format!("{TOKEN_PREFIX}{}", cx.ids().alphanumeric(TOKEN_CHARACTERS)))
}

/// A user, role, session, federated user or account.
fn is_principal(arn: &str) -> bool {
    let Some(parsed) = Arn::parse(arn) else { return false };
    let kind = parsed.resource().split('/').next().unwrap_or_default();
    Account::parse(parsed.account()).is_some()
        && match parsed.service() {
            "iam" => matches!(kind, "user" | "role" | "root"),
            "sts" => matches!(kind, "assumed-role" | "federated-user"),
            _ => false,
        }
}

fn principal(arn: Option<&str>, service: Option<&str>) -> Result<Option<GrantPrincipal>, Fault> {
    match (arn, service) {
        // AWS: unverified message.
        (Some(_), Some(_)) => Err(faults::validation("Specify either a principal or a service principal, not both.")),
        (Some(arn), None) if is_principal(arn) => Ok(Some(GrantPrincipal::Arn(arn.into()))),
        (Some(arn), None) => Err(faults::INVALID_ARN.says(format!("ARN does not refer to a valid principal: {arn}"))),
        (None, Some(service)) => Ok(Some(GrantPrincipal::Service(service.into()))),
        (None, None) => Ok(None),
    }
}

fn operations_of(input: &CreateGrantRequest) -> Vec<GrantOperation> {
    let mut operations = vec![];
    for operation in input.operations.iter().filter_map(|name| GrantOperation::parse(name)) {
        if !operations.contains(&operation) {
            operations.push(operation);
        }
    }
    operations
}

fn constraints_of(input: Option<&GrantConstraints>) -> Constraints {
    let Some(input) = input else { return Constraints::default() };
    Constraints {
        context_subset: input.encryption_context_subset.clone().filter(|pairs| !pairs.is_empty()),
        context_equals: input.encryption_context_equals.clone().filter(|pairs| !pairs.is_empty()),
        source_arn: input.source_arn.clone(),
    }
}

impl Handle<CreateGrant> for Kms {
    fn permissions(&self, cx: &Cx, input: &CreateGrantRequest) -> Result<Permissions, Fault> {
        let named = self.named(cx, &input.key_id, Aliases::Refused)?;
        let (operations, constraints) = (operations_of(input), constraints_of(input.constraints.as_ref()));
        let purpose = GrantUse::CreateGrant { operations: &operations, constraints: &constraints };
        let mut permission = self.permission_on(cx, "kms:CreateGrant", &named, Reach::AnyAccount, purpose);
        let keys = &mut permission.keys;
        keys.set_many("kms:GrantOperations", operations.iter().map(|operation| operation.as_str()));
        for (name, value) in [
            ("kms:GranteePrincipal", &input.grantee_principal),
            ("kms:GranteeServicePrincipal", &input.grantee_service_principal),
            ("kms:RetiringPrincipal", &input.retiring_principal),
            ("kms:RetiringServicePrincipal", &input.retiring_service_principal),
            ("kms:GrantConstraintSourceArn", &constraints.source_arn),
        ] {
            if let Some(value) = value {
                keys.set(name, value.clone());
            }
        }
        let kind = if constraints.context_equals.is_some() { Some("EncryptionContextEquals") } else { None };
        if let Some(kind) = kind.or(constraints.context_subset.is_some().then_some("EncryptionContextSubset")) {
            keys.set("kms:GrantConstraintType", kind);
        }
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, input: CreateGrantRequest) -> Result<CreateGrantResponse, Fault> {
        let Named { key, .. } = self.named(cx, &input.key_id, Aliases::Refused)?;
        self.check_grant_tokens(input.grant_tokens.as_deref())?;
        key.check_usable(cx.now)?;
        let Some(grantee) = principal(input.grantee_principal.as_deref(), input.grantee_service_principal.as_deref())? else {
            return Err(faults::validation(
                "1 validation error detected: Value null at 'granteePrincipal' failed to satisfy constraint: Member must not be null",
            ));
        };
        let retirer = principal(input.retiring_principal.as_deref(), input.retiring_service_principal.as_deref())?;
        let operations = operations_of(&input);
        if operations.is_empty() {
            // AWS: unverified message.
            return Err(faults::validation("A grant must have at least one operation."));
        }
        let constraints = constraints_of(input.constraints.as_ref());
        if constraints.context_equals.is_some() && constraints.context_subset.is_some() {
            // AWS: unverified message.
            return Err(faults::validation("Specify either EncryptionContextSubset or EncryptionContextEquals, not both."));
        }
        let with_context = constraints.context_equals.is_some() || constraints.context_subset.is_some();
        if with_context && !key.spec.is_symmetric_encryption() {
            // AWS: unverified message.
            return Err(faults::validation("Encryption context constraints are valid for symmetric encryption KMS keys only."));
        }
        check_dry_run(input.dry_run)?;
        let account = cx.caller.account.unwrap_or(cx.scope.account);
        let grant = Grant {
            key: key.arn.clone(),
            id: GrantId(cx.ids().hex(64).into()),
            token: new_token(cx),
            name: input.name,
            created: cx.now,
            grantee,
            retirer,
            issuing_account: format!("arn:{}:iam::{account}:root", key.arn.partition()),
            operations,
            constraints,
        };
        self.store.write(|state| {
            // AWS: with a name, the same request again is answered with the same grant.
            if grant.name.is_some()
                && let Some(known) = state.grants_to(&key.arn, grant.grantee.name()).find(|known| is_same(known, &grant))
            {
                return Ok(answer(known));
            }
            // Counted only when there are as many in all.
            if state.grants.len() >= limits::GRANTS_PER_KEY && state.grants_of(&key.arn).count() >= limits::GRANTS_PER_KEY {
                // AWS: unverified message.
                return Err(faults::LIMIT_EXCEEDED.says(format!("The limit of grants for the key was reached: {}", key.arn)));
            }
            let answer = answer(&grant);
            state.insert_grant(grant);
            Ok(answer)
        })
    }
}

fn is_same(one: &Grant, other: &Grant) -> bool {
    (&one.name, &one.grantee, &one.retirer, &one.operations, &one.constraints)
        == (&other.name, &other.grantee, &other.retirer, &other.operations, &other.constraints)
}

fn answer(grant: &Grant) -> CreateGrantResponse {
    CreateGrantResponse { grant_token: Some(grant.token.reveal().to_owned()), grant_id: Some(grant.id.0.to_string()) }
}

fn entry(grant: &Grant) -> GrantListEntry {
    let constraints = &grant.constraints;
    GrantListEntry {
        key_id: Some(grant.key.to_string()),
        grant_id: Some(grant.id.0.to_string()),
        // AWS: a grant without a name has an empty one.
        name: Some(grant.name.clone().unwrap_or_default()),
        creation_date: Some(grant.created),
        grantee_principal: grant.grantee.arn(),
        grantee_service_principal: grant.grantee.service(),
        retiring_principal: grant.retirer.as_ref().and_then(GrantPrincipal::arn),
        retiring_service_principal: grant.retirer.as_ref().and_then(GrantPrincipal::service),
        issuing_account: Some(grant.issuing_account.clone()),
        operations: Some(grant.operations.iter().map(|operation| operation.as_str().to_owned()).collect()),
        constraints: (*constraints != Constraints::default()).then(|| GrantConstraints {
            encryption_context_subset: constraints.context_subset.clone(),
            encryption_context_equals: constraints.context_equals.clone(),
            source_arn: constraints.source_arn.clone(),
        }),
    }
}

on_key!(ListGrants, Aliases::Refused, Reach::AnyAccount, |kms, cx, input, named| {
    let key = &named.key.arn;
    let is = |wanted: &Option<String>, value: Option<String>| wanted.is_none() || *wanted == value;
    let page = kms.store.read(|state| {
        page::<ListGrants, _, _, _>(cx, &input, USUAL_PAGE, |after: Option<GrantId>| {
            let from = after.map_or(Bound::Included((key.clone(), GrantId::default())), |after| Bound::Excluded((key.clone(), after)));
            let grants = state.grants.range((from, Bound::Unbounded)).take_while(|((of, _), _)| of == key).map(|(_, grant)| grant);
            let grants = grants.filter(|grant| {
                is(&input.grant_id, Some(grant.id.0.to_string()))
                    && is(&input.grantee_principal, grant.grantee.arn())
                    && is(&input.grantee_service_principal, grant.grantee.service())
            });
            grants.map(|grant| (grant.id.clone(), entry(grant)))
        })
    })?;
    Ok(ListGrantsResponse { grants: Some(page.items), next_marker: page.next_marker, truncated: page.truncated })
});

impl Kms {
    fn grant_of(&self, key: &Arn, id: &str) -> Result<Arc<Grant>, Fault> {
        let found = self.store.read(|state| state.grants.get(&(key.clone(), GrantId(id.into()))).cloned());
        // AWS: unverified message.
        found.ok_or_else(|| faults::INVALID_GRANT_ID.says(format!("Invalid grant ID '{id}'")))
    }

    /// The grant that RetireGrant names, by its token or by its key and id.
    fn retired_grant(&self, cx: &Cx, input: &RetireGrantRequest) -> Result<(Named, Arc<Grant>), Fault> {
        let grant = match (&input.grant_token, &input.key_id, &input.grant_id) {
            (Some(token), None, None) => {
                let found = self.store.read(|state| state.grants_by_token.get(token.as_str()).and_then(|place| state.grants.get(place)).cloned());
                found.ok_or_else(|| faults::INVALID_GRANT_TOKEN.says("Invalid grant token."))?
            }
            (None, Some(key), Some(id)) => {
                let named = self.named(cx, key, Aliases::Refused)?;
                self.grant_of(&named.key.arn, id)?
            }
            // AWS: unverified message.
            _ => return Err(faults::validation("Specify either a grant token, or a key ID and a grant ID.")),
        };
        let key = self.key_at(cx, &grant.key).ok_or_else(|| faults::no_such_key(grant.key.as_str()))?;
        Ok((Named { key, alias: None }, grant))
    }
}

on_key!(RevokeGrant, Aliases::Refused, Reach::AnyAccount, |kms, cx, input, named| {
    let grant = kms.grant_of(&named.key.arn, &input.grant_id)?;
    check_dry_run(input.dry_run)?;
    kms.store.update(|state| state.remove_grant(&grant));
    Ok(Empty {})
});

impl Handle<RetireGrant> for Kms {
    fn permissions(&self, cx: &Cx, input: &RetireGrantRequest) -> Result<Permissions, Fault> {
        let (named, grant) = self.retired_grant(cx, input)?;
        let mut permission: Permission = self.permission::<RetireGrant>(cx, &named, Reach::AnyAccount);
        // The retiring principal needs no policy, nor does a grantee whose grant says so.
        let names = names_of(&cx.caller);
        let is = |principal: &GrantPrincipal| names.iter().any(|(name, _)| name == principal.name());
        let may = grant.retirer.as_ref().is_some_and(is) || (grant.operations.contains(&GrantOperation::RetireGrant) && is(&grant.grantee));
        permission.grant = may.then_some(PolicyGrant { name: "KMS grant", reach: GrantReach::Direct });
        Ok(permission.into())
    }

    async fn handle(&self, cx: &Cx, input: RetireGrantRequest) -> Result<Empty, Fault> {
        let (_, grant) = self.retired_grant(cx, &input)?;
        check_dry_run(input.dry_run)?;
        self.store.update(|state| state.remove_grant(&grant));
        Ok(Empty {})
    }
}

impl Handle<ListRetirableGrants> for Kms {
    fn permissions(&self, cx: &Cx, _: &ListRetirableGrantsRequest) -> Result<Permissions, Fault> {
        Ok(of_account::<ListRetirableGrants>(cx))
    }

    async fn handle(&self, cx: &Cx, input: ListRetirableGrantsRequest) -> Result<ListGrantsResponse, Fault> {
        let Some(retirer) = principal(input.retiring_principal.as_deref(), input.retiring_service_principal.as_deref())? else {
            return Err(faults::validation(
                "1 validation error detected: Value null at 'retiringPrincipal' failed to satisfy constraint: Member must not be null",
            ));
        };
        let name = retirer.name();
        // AWS: grants of the caller's account and region.
        let prefix = Arn::new("kms", &cx.scope, "key/");
        let page = self.store.read(|state| {
            page::<ListRetirableGrants, _, _, _>(cx, &input, USUAL_PAGE, |after: Option<(Arn, GrantId)>| {
                let from = match after {
                    Some((key, id)) => Bound::Excluded((name.clone(), key, id)),
                    None => Bound::Included((name.clone(), prefix.clone(), GrantId::default())),
                };
                let rows = state.grants_by_retirer.range((from, Bound::Unbounded));
                let rows = rows.take_while(|((of, key, _), ())| of == name && key.as_str().starts_with(prefix.as_str()));
                rows.filter_map(|((_, key, id), ())| {
                    let place = (key.clone(), id.clone());
                    let grant = entry(state.grants.get(&place)?);
                    Some((place, grant))
                })
            })
        })?;
        Ok(ListGrantsResponse { grants: Some(page.items), next_marker: page.next_marker, truncated: page.truncated })
    }
}
