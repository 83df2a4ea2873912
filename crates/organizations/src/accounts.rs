//! Member accounts. A new account has a role that the management account may assume.

use crate::{account_of, constraint, is_parent, no_account, operation, page, read_organization, target_arn, write_organization};
use cloudlet_api_organizations::{
    faults::{
        CREATE_ACCOUNT_STATUS_NOT_FOUND, DESTINATION_PARENT_NOT_FOUND, DUPLICATE_ACCOUNT, MASTER_CANNOT_LEAVE_ORGANIZATION, PARENT_NOT_FOUND,
        SOURCE_PARENT_NOT_FOUND,
    },
    *,
};
use cloudlet_aws::{Account as AccountId, Arn, Fault, Timestamp};
use cloudlet_engine::Ids;
use cloudlet_identity::{
    EntityKey, LastUsed, StoredPolicy,
    organization::{self, MemberAccount},
    state::{IdentityPolicies, Role},
};
use cloudlet_shape::Empty;

/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
const MOST_ACCOUNTS: usize = 10;
const ACCESS_ROLE: &str = "OrganizationAccountAccessRole";

fn shown(organization: &organization::Organization, partition: &str, id: AccountId, member: &MemberAccount) -> Account {
    Account {
        id: Some(id.to_string()),
        arn: Some(target_arn(organization, partition, id.as_str())),
        email: Some(member.email.clone()),
        name: Some(member.name.clone()),
        status: Some("ACTIVE".into()),
        state: Some("ACTIVE".into()),
        paths: None,
        joined_method: Some(if id == organization.management { "INVITED" } else { "CREATED" }.into()),
        joined_timestamp: Some(member.joined),
    }
}

/// An account id that is not in use.
fn new_account_id(ids: &Ids, organization: &organization::Organization) -> Option<AccountId> {
    (0..100).find_map(|_| {
        AccountId::parse(&format!("{:012}", ids.number() % 900_000_000_000 + 100_000_000_000)).filter(|id| !organization.accounts.contains_key(id))
    })
}

/// `OrganizationAccountAccessRole`: trusts the management account and has AdministratorAccess.
fn access_role(name: String, id: String, management: AccountId, partition: &str, now: Timestamp) -> Result<Role, Fault> {
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:{partition}:iam::{management}:root"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let trust = StoredPolicy::parse(&trust, cloudlet_identity::TRUST).map_err(|error| Fault::internal(error.message))?;
    let admin = Arn::build(partition, "iam", "", "aws", "policy/AdministratorAccess");
    Ok(Role {
        name,
        path: "/".into(),
        id: id.into(),
        created: now,
        trust_policy: trust,
        description: None,
        max_session_duration: 3600,
        tags: Vec::new(),
        permissions_boundary: None,
        policies: IdentityPolicies { attached: vec![admin], ..IdentityPolicies::default() },
        last_used: LastUsed::default(),
        linked_service: None,
    })
}

fn status(id: &str, state: &str, name: &str, at: Timestamp, account: Option<AccountId>) -> CreateAccountStatus {
    CreateAccountStatus {
        id: Some(id.to_owned()),
        account_name: Some(name.to_owned()),
        state: Some(state.to_owned()),
        requested_timestamp: Some(at),
        completed_timestamp: account.map(|_| at),
        account_id: account.map(|account| account.to_string()),
        ..CreateAccountStatus::default()
    }
}

operation!(CreateAccount, |organizations, cx, input| vec![Arn::any()], |organizations, cx, input| {
    let partition = organizations.identity.partition();
    let request = format!("car-{}", cx.ids().hex(32));
    let role_id = format!("AROA{}", cx.ids().base32(17));
    let now = cx.now.whole_secs();
    organizations.identity.write(|state| {
        let organization = write_organization(state, cx)?;
        if organization.accounts.len() >= MOST_ACCOUNTS {
            return Err(constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", "You have exceeded the allowed number of AWS accounts."));
        }
        let id = new_account_id(cx.ids(), organization).ok_or_else(|| Fault::internal("no account id is free"))?;
        let (management, parent) = (organization.management, organization.root.clone());
        organization.accounts.insert(id, MemberAccount { name: input.account_name.clone(), email: input.email, parent, joined: now });
        organization.attach_full_access(id.as_str());
        organization.create_account_requests.insert(request.clone(), (id, now));
        let name = input.role_name.unwrap_or_else(|| ACCESS_ROLE.into());
        let role = access_role(name.clone(), role_id, management, partition, now)?;
        state.roles.insert(EntityKey::new(id, &name), role);
        // AWS: the account is created in the background. Here DescribeCreateAccountStatus finds it complete.
        Ok(CreateAccountResponse { create_account_status: Some(status(&request, "IN_PROGRESS", &input.account_name, now, None)) })
    })
});

operation!(DescribeCreateAccountStatus, |organizations, cx, input| vec![Arn::any()], |organizations, cx, input| {
    organizations.identity.read(|state| {
        let organization = read_organization(state, cx)?;
        let id = &input.create_account_request_id;
        let missing = || CREATE_ACCOUNT_STATUS_NOT_FOUND.says("You specified a create account request that doesn't exist.");
        let (account, at) = organization.create_account_requests.get(id).ok_or_else(missing)?;
        let name = organization.accounts.get(account).map(|member| member.name.clone()).unwrap_or_default();
        Ok(DescribeCreateAccountStatusResponse { create_account_status: Some(status(id, "SUCCEEDED", &name, *at, Some(*account))) })
    })
});

operation!(DescribeAccount, |organizations, cx, input| organizations.arns(&[&input.account_id]), |organizations, cx, input| {
    organizations.identity.read(|state| {
        let organization = read_organization(state, cx)?;
        let id = account_of(&input.account_id)?;
        let member = organization.accounts.get(&id).ok_or_else(no_account)?;
        Ok(DescribeAccountResponse { account: Some(shown(organization, organizations.identity.partition(), id, member)) })
    })
});

operation!(ListAccounts, |organizations, cx, input| vec![Arn::any()], |organizations, cx, input| organizations.identity.read(|state| {
    let organization = read_organization(state, cx)?;
    let partition = organizations.identity.partition();
    let accounts = organization.accounts.iter().map(|(id, member)| (id.to_string(), shown(organization, partition, *id, member)));
    let (accounts, next_token) = page::<ListAccounts, _>(cx, &input, accounts)?;
    Ok(ListAccountsResponse { accounts: Some(accounts), next_token })
}));

operation!(ListAccountsForParent, |organizations, cx, input| organizations.arns(&[&input.parent_id]), |organizations, cx, input| {
    organizations.identity.read(|state| {
        let organization = read_organization(state, cx)?;
        if !is_parent(organization, &input.parent_id) {
            return Err(PARENT_NOT_FOUND.says("You specified a parent that doesn't exist."));
        }
        let members = organization.accounts.iter().filter(|(_, member)| member.parent == input.parent_id);
        let partition = organizations.identity.partition();
        let accounts = members.map(|(id, member)| (id.to_string(), shown(organization, partition, *id, member)));
        let (accounts, next_token) = page::<ListAccountsForParent, _>(cx, &input, accounts)?;
        Ok(ListAccountsForParentResponse { accounts: Some(accounts), next_token })
    })
});

operation!(
    MoveAccount,
    |organizations, cx, input| organizations.arns(&[&input.account_id, &input.source_parent_id, &input.destination_parent_id]),
    |organizations, cx, input| organizations.identity.write(|state| {
        let organization = write_organization(state, cx)?;
        if !is_parent(organization, &input.destination_parent_id) {
            return Err(
                DESTINATION_PARENT_NOT_FOUND.says("We can't find the destination container (a root or OU) with the ParentId that you specified.")
            );
        }
        let member = organization.accounts.get_mut(&account_of(&input.account_id)?).ok_or_else(no_account)?;
        if member.parent != input.source_parent_id {
            return Err(SOURCE_PARENT_NOT_FOUND.says("We can't find a source root or OU with the ParentId that you specified."));
        }
        if input.source_parent_id == input.destination_parent_id {
            return Err(DUPLICATE_ACCOUNT.says("That account is already present in the specified destination."));
        }
        member.parent = input.destination_parent_id;
        Ok(Empty {})
    })
);

operation!(RemoveAccountFromOrganization, |organizations, cx, input| organizations.arns(&[&input.account_id]), |organizations, cx, input| {
    organizations.identity.write(|state| {
        let organization = write_organization(state, cx)?;
        let id = account_of(&input.account_id)?;
        if id == organization.management {
            return Err(MASTER_CANNOT_LEAVE_ORGANIZATION.says("You can't remove a management account from an organization."));
        }
        organization.accounts.remove(&id).ok_or_else(no_account)?;
        organization.attached.remove(id.as_str());
        Ok(Empty {})
    })
});
