//! What services write into groups for their customers: vended logs.

use crate::{Logs, encryption, faults, live_tail::NewEvents, names::group_of_arn, permissions::on_account};
use cloudlet_aws::Arn;
use cloudlet_engine::{handler, vended_logs::DeliverLogs};
use cloudlet_shape::Empty;
use std::sync::Arc;

handler!(Logs, DeliverLogs, |logs, cx, input| Ok(on_account::<DeliverLogs>(cx).into()), |logs, cx, input| {
    let key = Arn::parse(&input.log_group).as_ref().and_then(group_of_arn).ok_or_else(faults::no_such_group)?;
    let group = logs.group(&key)?;
    encryption::check(cx, &key, &group).await?;
    let name: Arc<str> = input.log_stream.as_str().into();
    let written = logs.events.update(&key, |stored| {
        if !stored.streams.contains(&name) {
            stored.add_stream(name.clone(), cx.now);
        }
        stored.append(&name, cx.now, group.oldest(cx.now), input.events.iter().map(|event| (event.timestamp, event.message.as_str())))
    });
    if let Some(block) = written.ok_or_else(faults::no_such_group)?.flatten() {
        logs.tail.tell(|| NewEvents { group: key.clone(), stream: name, block: block.clone() });
        logs.send_to_subscriptions(cx, &key, &input.log_stream, &block)?;
    }
    Ok(Empty {})
});
