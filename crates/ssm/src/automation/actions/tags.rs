//! `aws:createTags`.

use crate::automation::work::{Outcome, Work};
use serde_json::json;

pub async fn create(work: &Work<'_>) -> Outcome {
    let (ids, tags) = (work.texts("ResourceIds"), work.value("Tags").cloned().unwrap_or_default());
    let outcome = match work.text("ResourceType").as_deref() {
        None | Some("EC2") => work.call("ec2", "CreateTags", &json!({"Resources": ids, "Tags": tags})).await,
        Some(kind) => {
            let [id] = ids.as_slice() else { return work.fails("ResourceIds must have a single item for this ResourceType") };
            work.call("ssm", "AddTagsToResource", &json!({"ResourceType": kind, "ResourceId": id, "Tags": tags})).await
        }
    };
    outcome.map_or_else(|problem| work.refused(&problem), |_| Work::done(json!({}), None))
}
