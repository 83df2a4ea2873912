//! Which instance has which instance profile.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html>

use crate::{
    describing::{self, check_ids, check_page},
    engine::Ec2,
    faults::{self, refuse},
    filters::ShownFilters,
    lookups, permissions,
    region::new_association,
    rows::{Instance, ProfileAssociation},
    state::State,
};
use cloudlet_api_ec2::{
    self as api, AssociateIamInstanceProfile, DescribeIamInstanceProfileAssociations, DisassociateIamInstanceProfile,
    IamInstanceProfileSpecification, ReplaceIamInstanceProfileAssociation,
};
use cloudlet_api_iam::{GetInstanceProfile, GetInstanceProfileRequest};
use cloudlet_aws::{Arn, Caller, Fault, Region, Scope};
use cloudlet_engine::{Cx, handler, paging::Paging, roles};

/// A profile that IAM knows.
pub struct Found {
    arn: String,
    id: String,
}

impl Found {
    pub fn association(&self, cx: &Cx) -> ProfileAssociation {
        ProfileAssociation { id: new_association(cx.ids(), "iip-assoc"), arn: self.arn.clone(), profile_id: self.id.clone(), at: cx.now }
    }
}

/// The profile, whose role the caller must be allowed to pass.
pub async fn find(cx: &Cx, given: &IamInstanceProfileSpecification) -> Result<Found, Fault> {
    let (name, what) = match (&given.arn, &given.name) {
        (Some(arn), _) => (arn.rsplit('/').next().unwrap_or_default().to_owned(), "iamInstanceProfile.arn"),
        (None, Some(name)) => (name.clone(), "iamInstanceProfile.name"),
        (None, None) => return Err(faults::missing("iamInstanceProfile")),
    };
    let shown = given.arn.as_deref().unwrap_or(&name);
    let invalid = |text: &str| refuse("InvalidParameterValue", format!("Value ({shown}) for parameter {what} is invalid. {text}"));
    // EC2 looks at it by itself: the caller needs no permission for that.
    let root = Caller::root(cx.scope.account, cx.scope.partition(), None);
    let scope = Scope::new(cx.scope.account, Region::new("us-east-1"));
    let answer = cx.call::<GetInstanceProfile>(root, scope, GetInstanceProfileRequest { instance_profile_name: name.clone() }).await;
    let profile = answer.map_err(|_| invalid("Invalid IAM Instance Profile name"))?.instance_profile;
    if given.arn.as_ref().is_some_and(|arn| *arn != profile.arn) {
        return Err(invalid("Invalid IAM Instance Profile ARN"));
    }
    if let Some(role) = profile.roles.first().and_then(|role| Arn::parse(&role.arn)) {
        cx.check::<AssociateIamInstanceProfile>(&roles::pass_role(role, "ec2.amazonaws.com", None))?;
    }
    Ok(Found { arn: profile.arn, id: profile.instance_profile_id })
}

fn shown(instance: &str, of: &ProfileAssociation, state: &str) -> api::IamInstanceProfileAssociation {
    api::IamInstanceProfileAssociation {
        association_id: Some(of.id.clone()),
        instance_id: Some(instance.to_owned()),
        iam_instance_profile: Some(api::IamInstanceProfile { arn: Some(of.arn.clone()), id: Some(of.profile_id.clone()) }),
        state: Some(state.to_owned()),
        timestamp: Some(of.at),
    }
}

handler!(
    Ec2,
    AssociateIamInstanceProfile,
    |ec2, cx, input| Ok(ec2.on::<AssociateIamInstanceProfile, Instance>(cx, &input.instance_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, None)?;
        let found = find(cx, &input.iam_instance_profile).await?;
        ec2.store.write(|state| {
            let id = &input.instance_id;
            if lookups::find_instance(state, cx, id)?.profile.is_some() {
                return Err(refuse("IncorrectState", format!("There is an existing association for instance {id}")));
            }
            let association = found.association(cx);
            let answer = shown(id, &association, "associating");
            state.find_mut::<Instance>(&cx.scope, id)?.profile = Some(association);
            Ok(api::AssociateIamInstanceProfileResult { iam_instance_profile_association: Some(answer) })
        })
    }
);

fn of_association(state: &State, cx: &Cx, association: &str) -> Result<(String, ProfileAssociation), Fault> {
    let found = state.all::<Instance>(&cx.scope).find_map(|(id, row)| {
        let profile = row.profile.as_ref().filter(|profile| profile.id == association)?;
        Some((id.to_owned(), profile.clone()))
    });
    found.ok_or_else(|| refuse("InvalidAssociationID.NotFound", format!("An invalid association-id of '{association}' was given")))
}

handler!(
    Ec2,
    DisassociateIamInstanceProfile,
    |ec2, cx, input| {
        let of = ec2.store.read(|state| of_association(state, cx, &input.association_id));
        Ok(ec2.on::<DisassociateIamInstanceProfile, Instance>(cx, of.as_ref().map_or("*", |(id, _)| id)).into())
    },
    |ec2, cx, input| {
        ec2.begin(cx, None)?;
        ec2.store.write(|state| {
            let (id, association) = of_association(state, cx, &input.association_id)?;
            state.find_mut::<Instance>(&cx.scope, &id)?.profile = None;
            let answer = shown(&id, &association, "disassociating");
            Ok(api::DisassociateIamInstanceProfileResult { iam_instance_profile_association: Some(answer) })
        })
    }
);

handler!(
    Ec2,
    ReplaceIamInstanceProfileAssociation,
    |ec2, cx, input| {
        let of = ec2.store.read(|state| of_association(state, cx, &input.association_id));
        Ok(ec2.on::<ReplaceIamInstanceProfileAssociation, Instance>(cx, of.as_ref().map_or("*", |(id, _)| id)).into())
    },
    |ec2, cx, input| {
        ec2.begin(cx, None)?;
        let found = find(cx, &input.iam_instance_profile).await?;
        ec2.store.write(|state| {
            let (id, _) = of_association(state, cx, &input.association_id)?;
            let association = found.association(cx);
            let answer = shown(&id, &association, "associating");
            state.find_mut::<Instance>(&cx.scope, &id)?.profile = Some(association);
            Ok(api::ReplaceIamInstanceProfileAssociationResult { iam_instance_profile_association: Some(answer) })
        })
    }
);

fn values(of: &api::IamInstanceProfileAssociation, filter: &str) -> Option<Vec<String>> {
    let value = match filter {
        "instance-id" => &of.instance_id,
        "state" => &of.state,
        _ => return None,
    };
    Some(value.iter().cloned().collect())
}

handler!(
    Ec2,
    DescribeIamInstanceProfileAssociations,
    |ec2, cx, input| Ok(permissions::describe::<DescribeIamInstanceProfileAssociations>(cx)),
    |ec2, cx, input| {
        ec2.begin(cx, None)?;
        check_ids(input.max_results, input.association_ids.as_ref(), "association_ids")?;
        check_page(input.max_results, 5, 1_000)?;
        let list = Paging::of::<DescribeIamInstanceProfileAssociations>(cx, &input);
        let filters = ShownFilters::read(input.filters, values)?;
        let page = ec2.store.read(|state| {
            let wanted = input.association_ids.unwrap_or_default();
            wanted.iter().try_for_each(|id| of_association(state, cx, id).map(drop))?;
            let rows = state.all::<Instance>(&cx.scope).filter_map(|(id, row)| {
                let profile = row.profile.as_ref().filter(|profile| wanted.is_empty() || wanted.contains(&profile.id))?;
                Some((id.to_owned(), shown(id, profile, "associated")))
            });
            describing::page(&list, rows.filter(|(_, shown)| filters.pass(shown)))
        })?;
        Ok(api::DescribeIamInstanceProfileAssociationsResult { iam_instance_profile_associations: Some(page.items), next_token: page.next_token })
    }
);
