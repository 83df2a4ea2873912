//! DescribeOpsItems: the newest first.

use super::filters::Filter;
use crate::{Ssm, faults, limits, parameters::permissions::on_all};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};

const LONGEST_PAGE: usize = 50;

impl Handle<DescribeOpsItems> for Ssm {
    fn permissions(&self, cx: &Cx, _: &DescribeOpsItemsRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<DescribeOpsItems>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeOpsItemsRequest) -> Result<DescribeOpsItemsResponse, Fault> {
        let filters = Filter::parse(input.ops_item_filters.as_deref().unwrap_or_default())?;
        let list = Paging::of::<DescribeOpsItems>(cx, &input);
        let after: Option<(Timestamp, String)> = list.after().map_err(|_| faults::invalid_next_token())?;
        let length = list.length(LONGEST_PAGE, LONGEST_PAGE);
        let (mut items, mut next_token) = (vec![], None);
        self.ops.read(|state| {
            let (mut looked, mut last) = (0, None);
            for (time, item) in state.newest(&cx.scope, after) {
                // A page is full, or has looked at enough rows: there may be more.
                if items.len() == length || looked == limits::ROWS_PER_PAGE {
                    next_token = last.map(|last: (Timestamp, String)| list.token(&last));
                    break;
                }
                looked += 1;
                last = Some((time, item.shape.ops_item_id.clone().unwrap_or_default()));
                if filters.iter().all(|filter| filter.takes(cx, item)) {
                    items.push(item.summary());
                }
            }
        });
        Ok(DescribeOpsItemsResponse { ops_item_summaries: Some(items), next_token })
    }
}
