//! Suppression lists: the account's and those of tenants.
//! <https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html>

use crate::{
    Ses, access,
    account::Access,
    addresses,
    refusal::Refusal,
    state::Suppressed,
    suppression::{List, entry},
};
use cloudlet_api_sesv2::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, paging::Paging};

impl Ses {
    /// In the sandbox the list cannot be changed.
    /// <https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html>
    pub fn list_to_change(&self, cx: &Cx, tenant: Option<&str>) -> Result<List, Fault> {
        if self.access(&self.account(&cx.scope), cx.now) == Access::Sandbox {
            // AWS: unverified message.
            return Err(faults::BAD_REQUEST.says("The suppression list cannot be changed while the account is in the sandbox."));
        }
        self.list_named(&cx.scope, tenant).map_err(Refusal::v2)
    }
}

/// AWS: measured.
fn not_listed(address: &str) -> Fault {
    let address = entry(address);
    faults::NOT_FOUND.says(format!("Email address {address} does not exist on your suppression list."))
}

operation!(PutSuppressedDestination, |ses, cx, input| Ok(access::any::<PutSuppressedDestination>(cx).into()), |ses, cx, input| {
    let list = ses.list_to_change(cx, input.tenant_name.as_deref())?;
    addresses::check(&input.email_address).map_err(Refusal::invalid)?;
    let row = Suppressed { reason: input.reason, at: cx.now, message_id: None, feedback_id: None };
    ses.store.write(|state| state.suppress(&cx.scope, &list, &input.email_address, row))?;
    Ok(PutSuppressedDestinationResponse {})
});

operation!(GetSuppressedDestination, |ses, cx, input| Ok(access::any::<GetSuppressedDestination>(cx).into()), |ses, cx, input| {
    let list = ses.list_named(&cx.scope, input.tenant_name.as_deref())?;
    let found = ses.store.read(|state| state.suppressed(&cx.scope, &list, &input.email_address).cloned());
    let found = found.ok_or_else(|| not_listed(&input.email_address))?;
    let attributes = SuppressedDestinationAttributes { message_id: found.message_id, feedback_id: found.feedback_id };
    Ok(GetSuppressedDestinationResponse {
        suppressed_destination: SuppressedDestination {
            email_address: entry(&input.email_address),
            reason: found.reason,
            last_update_time: found.at,
            attributes: (attributes.message_id.is_some() || attributes.feedback_id.is_some()).then_some(attributes),
            tenant_name: input.tenant_name,
        },
    })
});

operation!(ListSuppressedDestinations, |ses, cx, input| Ok(access::any::<ListSuppressedDestinations>(cx).into()), |ses, cx, input| {
    let of = ses.list_named(&cx.scope, input.tenant_name.as_deref())?;
    let list = Paging::of::<ListSuppressedDestinations>(cx, &input);
    let fits = |row: &Suppressed| {
        input.reasons.as_ref().filter(|reasons| !reasons.is_empty()).is_none_or(|reasons| reasons.contains(&row.reason))
            && input.start_date.is_none_or(|start| row.at >= start)
            && input.end_date.is_none_or(|end| row.at < end)
    };
    let page = ses.store.read(|state| {
        list.page(list.length(100, 1_000), |after| {
            let rows = state.suppressed_rows(&cx.scope, &of, after).filter(|(_, row)| fits(row));
            rows.map(|(address, row)| {
                let summary =
                    SuppressedDestinationSummary { email_address: address.to_owned(), reason: row.reason.clone(), last_update_time: row.at };
                (address.to_owned(), summary)
            })
        })
    })?;
    Ok(ListSuppressedDestinationsResponse { suppressed_destination_summaries: Some(page.items), next_token: page.next_token })
});

operation!(DeleteSuppressedDestination, |ses, cx, input| Ok(access::any::<DeleteSuppressedDestination>(cx).into()), |ses, cx, input| {
    let list = ses.list_to_change(cx, input.tenant_name.as_deref())?;
    let removed = ses.store.update(|state| state.unsuppress(&cx.scope, &list, &input.email_address));
    removed.ok_or_else(|| not_listed(&input.email_address))?;
    Ok(DeleteSuppressedDestinationResponse {})
});

operation!(PutAccountSuppressionAttributes, |ses, cx, input| Ok(access::any::<PutAccountSuppressionAttributes>(cx).into()), |ses, cx, input| {
    if input.validation_attributes.is_some() {
        return Err(Refusal::NotBuilt("the validation of addresses"));
    }
    ses.change_account(&cx.scope, |account| account.suppressed_reasons = Some(input.suppressed_reasons.unwrap_or_default()));
    Ok(PutAccountSuppressionAttributesResponse {})
});
