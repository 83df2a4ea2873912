//! How burstable instances pay for processors beyond what they earn.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-performance-instances.html>

use crate::{
    describing::{check_ids, check_page, page},
    engine::Ec2,
    faults::{invalid_value, missing, refuse},
    filters::ShownFilters,
    lookups, permissions,
    rows::{DesiredState, Instance},
};
use cloudlet_api_ec2::{self as api, DescribeInstanceCreditSpecifications, ModifyInstanceCreditSpecification};
use cloudlet_aws::Fault;
use cloudlet_engine::{Permissions, handler, paging::Paging};

const UNLIMITED: &str = "unlimited";
const UNSUPPORTED: &str = "InstanceCreditSpecification.NotSupported";

/// What instances of a type begin with; `None`: they earn no credits.
fn usual(instance_type: &str) -> Option<&'static str> {
    match instance_type.split_once('.')?.0 {
        "t2" => Some("standard"),
        "t3" | "t3a" | "t4g" => Some(UNLIMITED),
        _ => None,
    }
}

/// What an instance pays: as it was told, or as its type has it.
fn credits(row: &Instance) -> Option<&str> {
    let usual = usual(&row.instance_type)?;
    Some(row.credits.as_deref().unwrap_or(usual))
}

fn check_value(given: &str) -> Result<(), Fault> {
    if matches!(given, "standard" | UNLIMITED) {
        return Ok(());
    }
    // AWS: unverified wording.
    Err(invalid_value(format!("Value ({given}) for parameter CpuCredits is invalid. Valid values are 'standard' and 'unlimited'.")))
}

/// What RunInstances asks for.
pub fn check_asked(instance_type: &str, given: Option<&str>) -> Result<(), Fault> {
    let Some(given) = given else { return Ok(()) };
    check_value(given)?;
    match usual(instance_type) {
        Some(_) => Ok(()),
        // AWS: unverified wording.
        None => Err(refuse("InvalidParameterCombination", format!("The parameter CreditSpecification is not supported for {instance_type}."))),
    }
}

fn values(of: &api::InstanceCreditSpecification, filter: &str) -> Option<Vec<String>> {
    (filter == "instance-id").then(|| of.instance_id.iter().cloned().collect())
}

handler!(
    Ec2,
    DescribeInstanceCreditSpecifications,
    |ec2, cx, input| Ok(permissions::describe::<DescribeInstanceCreditSpecifications>(cx)),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let list = Paging::of::<DescribeInstanceCreditSpecifications>(cx, &input);
        check_ids(input.max_results, input.instance_ids.as_ref(), "instance_ids")?;
        check_page(input.max_results, 5, 1_000)?;
        let filters = ShownFilters::read(input.filters, values)?;
        let wanted = input.instance_ids.unwrap_or_default();
        let page = ec2.store.read(|state| {
            for id in &wanted {
                if credits(lookups::find_instance(state, cx, id)?).is_none() {
                    // AWS: unverified.
                    return Err(refuse(UNSUPPORTED, format!("The instance '{id}' is not a burstable performance instance.")));
                }
            }
            let rows = state.all::<Instance>(&cx.scope).filter(|(_, row)| row.wanted != DesiredState::Terminated);
            let shown = rows.filter_map(|(id, row)| {
                let credits = credits(row)?;
                // AWS: without ids those that are unlimited.
                let is_asked = if wanted.is_empty() { credits == UNLIMITED } else { wanted.iter().any(|wanted| wanted == id) };
                let shown = api::InstanceCreditSpecification { instance_id: Some(id.to_owned()), cpu_credits: Some(credits.to_owned()) };
                (is_asked && filters.pass(&shown)).then(|| (id.to_owned(), shown))
            });
            page(&list, shown)
        })?;
        Ok(api::DescribeInstanceCreditSpecificationsResult { instance_credit_specifications: Some(page.items), next_token: page.next_token })
    }
);

handler!(
    Ec2,
    ModifyInstanceCreditSpecification,
    |ec2, cx, input| {
        let ids = input.instance_credit_specifications.iter().map(|one| &one.instance_id);
        let all: Permissions = ids.map(|id| ec2.on::<ModifyInstanceCreditSpecification, Instance>(cx, id)).collect();
        Ok(if all.is_empty() { permissions::describe::<ModifyInstanceCreditSpecification>(cx) } else { all })
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        if input.instance_credit_specifications.is_empty() {
            return Err(missing("InstanceCreditSpecification"));
        }
        for one in &input.instance_credit_specifications {
            check_value(one.cpu_credits.as_deref().unwrap_or_default())?;
        }
        let (mut changed, mut unchanged) = (vec![], vec![]);
        ec2.store.update(|state| {
            for one in input.instance_credit_specifications {
                let id = one.instance_id;
                let refused = match lookups::find_instance(state, cx, &id) {
                    Err(_) => Some(("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))),
                    Ok(row) if credits(row).is_none() => Some((UNSUPPORTED, format!("The instance '{id}' is not a burstable performance instance."))),
                    Ok(row) => {
                        let row = Instance { credits: one.cpu_credits, ..row.clone() };
                        state.put(&cx.scope, &id, row);
                        None
                    }
                };
                match refused {
                    None => changed.push(api::SuccessfulInstanceCreditSpecificationItem { instance_id: Some(id) }),
                    // AWS: unverified wording.
                    Some((code, message)) => unchanged.push(api::UnsuccessfulInstanceCreditSpecificationItem {
                        instance_id: Some(id),
                        error: Some(api::UnsuccessfulInstanceCreditSpecificationItemError { code: Some(code.to_owned()), message: Some(message) }),
                    }),
                }
            }
        });
        Ok(api::ModifyInstanceCreditSpecificationResult {
            successful_instance_credit_specifications: Some(changed),
            unsuccessful_instance_credit_specifications: Some(unchanged),
        })
    }
);
