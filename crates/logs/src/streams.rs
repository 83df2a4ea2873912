//! Log streams.

use crate::{
    Logs, faults,
    names::{group_of, own_group, stream_arn},
    pages::page,
    state::Stream,
};
use cloudlet_api_logs::*;
use cloudlet_engine::handler;
use cloudlet_shape::Empty;
use std::{ops::Bound, sync::Arc};

handler!(
    Logs,
    CreateLogStream,
    |logs, cx, input| Ok(logs.on_stream::<CreateLogStream>(&own_group(cx, &input.log_group_name), &input.log_stream_name).into()),
    |logs, cx, input| {
        let key = own_group(cx, &input.log_group_name);
        let name: Arc<str> = input.log_stream_name.into();
        let written = logs.events.write(&key, |events| {
            if events.streams.contains(&name) {
                return Err(faults::stream_exists());
            }
            events.add_stream(name, cx.now);
            Ok(Empty {})
        });
        written.unwrap_or_else(|| Err(faults::no_such_group()))
    }
);

handler!(
    Logs,
    DeleteLogStream,
    |logs, cx, input| Ok(logs.on_stream::<DeleteLogStream>(&own_group(cx, &input.log_group_name), &input.log_stream_name).into()),
    |logs, cx, input| {
        let key = own_group(cx, &input.log_group_name);
        let written =
            logs.events.write(&key, |events| if events.remove_stream(&input.log_stream_name) { Ok(Empty {}) } else { Err(faults::no_such_stream()) });
        written.unwrap_or_else(|| Err(faults::no_such_group()))
    }
);

handler!(
    Logs,
    DescribeLogStreams,
    |logs, cx, input| {
        let group = group_of(cx, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        Ok(logs.on_group::<DescribeLogStreams>(&group).into())
    },
    |logs, cx, input| {
        let key = group_of(cx, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        let prefix = input.log_stream_name_prefix.as_deref().unwrap_or_default();
        let by_time = input.order_by.as_deref() == Some("LastEventTime");
        if by_time && !prefix.is_empty() {
            return Err(faults::invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        let descending = input.descending.unwrap_or(false);
        let shown = |name: &Arc<str>, stream: &Stream| LogStream {
            log_stream_name: Some(name.to_string()),
            creation_time: Some(stream.created.millis()),
            first_event_timestamp: stream.first_event,
            last_event_timestamp: stream.last_event,
            last_ingestion_time: stream.last_ingestion,
            upload_sequence_token: stream.last_ingestion.map(|_| crate::put_events::sequence_token(stream.next_number)),
            arn: Some(stream_arn(&key, name).to_string()),
            stored_bytes: Some(0),
        };
        let read = logs.events.read(&key, |events| {
            if by_time {
                page::<DescribeLogStreams, _, _, _>(cx, &input, input.limit, |after: Option<(i64, Arc<str>)>| {
                    let range = beyond(after, descending);
                    directed(events.by_last_event.range(range), descending)
                        .filter_map(|(place, ())| Some((place.clone(), shown(&place.1, events.streams.get(&place.1)?))))
                })
            } else {
                page::<DescribeLogStreams, _, _, _>(cx, &input, input.limit, |after: Option<Arc<str>>| {
                    let (from, to) = beyond(after, descending);
                    let from = if matches!(from, Bound::Unbounded) { Bound::Included(prefix.into()) } else { from };
                    let rows = directed(events.streams.range((from, to)), descending);
                    let rows = rows.skip_while(|(name, _)| descending && !name.starts_with(prefix));
                    rows.take_while(|(name, _)| name.starts_with(prefix)).map(|(name, stream)| (name.clone(), shown(name, stream)))
                })
            }
        });
        let page = read.ok_or_else(faults::no_such_group)??;
        Ok(DescribeLogStreamsResponse { log_streams: Some(page.items), next_token: page.next_token })
    }
);

/// The keys that come after one.
fn beyond<K>(after: Option<K>, descending: bool) -> (Bound<K>, Bound<K>) {
    match (after, descending) {
        (None, _) => (Bound::Unbounded, Bound::Unbounded),
        (Some(key), false) => (Bound::Excluded(key), Bound::Unbounded),
        (Some(key), true) => (Bound::Unbounded, Bound::Excluded(key)),
    }
}

fn directed<'i, T>(rows: impl DoubleEndedIterator<Item = T> + 'i, descending: bool) -> Box<dyn Iterator<Item = T> + 'i> {
    if descending { Box::new(rows.rev()) } else { Box::new(rows) }
}
