//! Insights queries: run when they are started, so that their results are there at the first look.

use crate::{
    Logs,
    blocks::Position,
    encryption, faults,
    insights::{self, QueryError, Record, Run, json_fields},
    limits,
    names::{digits, group_of, group_of_identifier, own_group, place_of},
    pages::page_of,
    permissions::on_account,
    scan::{Direction, Scan},
    state::{self, GroupKey, Named, of_scope},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_logs::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permissions, handler};
use cloudlet_shape::Map;
use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

/// So many events are looked at before others get a turn.
const TURN: usize = 8 * 1024;
const LONGEST_PAGE: usize = 1_000;
/// How many events GetLogGroupFields looks at.
const SAMPLED_EVENTS: usize = 10_000;

/// The groups of a query: named in one of three ways.
fn groups_of(cx: &Cx, input: &StartQueryRequest) -> Result<Vec<GroupKey>, Fault> {
    let groups = match (&input.log_group_name, &input.log_group_names, &input.log_group_identifiers) {
        (Some(name), None, None) => vec![own_group(cx, name)],
        (None, Some(names), None) => names.iter().map(|name| own_group(cx, name)).collect(),
        (None, None, Some(identifiers)) => identifiers.iter().map(|identifier| group_of_identifier(cx, identifier)).collect::<Result<_, _>>()?,
        // AWS: unverified message.
        _ => return Err(faults::invalid("Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified.")),
    };
    if groups.is_empty() || groups.len() > limits::GROUPS_PER_QUERY {
        return Err(faults::invalid(format!("A query may have 1 to {} log groups.", limits::GROUPS_PER_QUERY)));
    }
    Ok(groups)
}

fn refused(error: QueryError) -> Fault {
    match error {
        QueryError::NotImplemented(what) => faults::not_implemented(&what),
        QueryError::Malformed { message, start, end } => {
            // AWS: its parser says where.
            let message = format!("{message} at line 1 and position {start}");
            let place = format!(r#"{{"location":{{"startCharOffset":{start},"endCharOffset":{end}}},"message":{}}}"#, serde_json::json!(message));
            faults::MALFORMED_QUERY.says(message).with_document("queryCompileError", place)
        }
    }
}

fn pointer(group: &str, stream: &str, place: Position) -> String {
    STANDARD.encode(format!("{}/{group}:{stream}", digits(place)))
}

/// The group, the stream and the place of a pointer.
fn pointed(pointer: &str) -> Option<(String, String, Position)> {
    let text = String::from_utf8(STANDARD.decode(pointer).ok()?).ok()?;
    let (place, rest) = text.split_once('/')?;
    let (group, stream) = rest.split_once(':')?;
    Some((group.to_owned(), stream.to_owned(), place_of(place)?))
}

fn record(group: &GroupKey, log: &Arc<str>, found: &crate::scan::Found<'_>) -> Option<Record> {
    let event = found.event()?;
    Some(Record {
        timestamp: event.place.time,
        ingested: event.ingested,
        message: event.message.to_owned(),
        stream: found.stream().clone(),
        log: log.clone(),
        pointer: pointer(&group.1, found.stream(), event.place),
        is_event: true,
        ..Record::default()
    })
}

handler!(
    Logs,
    StartQuery,
    |logs, cx, input| {
        let groups = groups_of(cx, input)?;
        Ok(groups.iter().map(|group| logs.on_group::<StartQuery>(group)).collect::<Permissions>())
    },
    |logs, cx, input| {
        if input.query_language.as_deref().is_some_and(|language| language != "CWLI") {
            return Err(faults::not_implemented("queries in SQL and PPL"));
        }
        let keys = groups_of(cx, &input)?;
        let query = insights::Query::parse(&input.query_string).map_err(refused)?;
        if input.start_time > input.end_time {
            // AWS: unverified message.
            return Err(faults::invalid(
                "Query's end date and time is either before the log groups creation time or exceeds the log groups log retention settings",
            ));
        }
        let mut groups = Vec::new();
        for key in keys {
            let group = logs.group(&key)?;
            encryption::check(cx, &key, &group).await?;
            groups.push((key, group));
        }
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(limits::QUERY_RESULTS).min(limits::MOST_QUERY_RESULTS);
        let mut run = if groups.len() == 1 { Run::new(&query, limit) } else { Run::unordered(&query, limit) };
        let (mut scanned, mut bytes) = (0u64, 0u64);
        for (key, group) in &groups {
            let log: Arc<str> = format!("{}:{}", key.0.account, key.1).into();
            let from = Position::new(input.start_time.saturating_mul(1000).max(group.oldest(cx.now)).max(0), 0);
            // Both ends are included, whole seconds.
            let to = Position::new(input.end_time.saturating_add(1).saturating_mul(1000), 0);
            let sources = logs.events.read(key, |events| events.sources(from, to, &|_| true)).unwrap_or_default();
            let mut scan = Scan::new(sources, from, to, Direction::Backward);
            let mut done = false;
            while !done && !run.has_enough() {
                done = scan.run(TURN, |found| {
                    scanned += 1;
                    bytes += u64::try_from(found.message.len()).unwrap_or(0);
                    if let Some(record) = record(key, &log, &found) {
                        run.take(record);
                    }
                    if run.has_enough() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
                if !done {
                    tokio::task::yield_now().await;
                }
            }
        }
        let matched = run.matched;
        let id = cx.ids().uuid();
        let row = state::Query {
            text: input.query_string,
            groups: groups.iter().map(|(key, _)| key.1.clone()).collect(),
            created: cx.now,
            results: Arc::new(run.results()),
            matched,
            scanned,
            bytes,
        };
        logs.store.update(|state| {
            while of_scope(&state.queries, &cx.scope, "", None).count() >= limits::QUERIES {
                let oldest = of_scope(&state.queries, &cx.scope, "", None).min_by_key(|(_, query)| query.created).map(|(id, _)| id.clone());
                let Some(oldest) = oldest else { break };
                state.queries.remove(&(cx.scope.clone(), oldest));
            }
            state.queries.insert((cx.scope.clone(), id.as_str().into()), Arc::new(row));
        });
        Ok(StartQueryResponse { query_id: Some(id) })
    }
);

impl Logs {
    fn query(&self, cx: &Cx, id: &str) -> Result<Arc<state::Query>, Fault> {
        let key: Named = (cx.scope.clone(), id.into());
        // AWS: unverified message.
        self.store
            .read(|state| state.queries.get(&key).cloned())
            .ok_or_else(|| faults::RESOURCE_NOT_FOUND.says("The specified query does not exist."))
    }
}

handler!(Logs, GetQueryResults, |logs, cx, input| Ok(on_account::<GetQueryResults>(cx).into()), |logs, cx, input| {
    let query = logs.query(cx, &input.query_id)?;
    let page =
        page_of::<GetQueryResults, _, _, _>(cx, &input, input.max_items, limits::QUERY_RESULTS, limits::QUERY_RESULTS, |after: Option<usize>| {
            let first = after.map_or(0, |after| after.saturating_add(1));
            query.results.iter().enumerate().skip(first)
        })?;
    let results = page
        .items
        .into_iter()
        .map(|row| row.iter().map(|(field, value)| ResultField { field: Some(field.to_string()), value: Some(value.clone()) }).collect());
    #[expect(clippy::cast_precision_loss, reason = "AWS counts in floats")]
    let statistics = QueryStatistics {
        records_matched: Some(query.matched as f64),
        records_scanned: Some(query.scanned as f64),
        estimated_records_skipped: Some(0.0),
        bytes_scanned: Some(query.bytes as f64),
        estimated_bytes_skipped: Some(0.0),
        log_groups_scanned: Some(query.groups.len() as f64),
        result_count: None,
    };
    Ok(GetQueryResultsResponse {
        query_language: Some("CWLI".to_owned()),
        results: Some(results.collect()),
        statistics: Some(statistics),
        status: Some("Complete".to_owned()),
        encryption_key: None,
        next_token: page.next_token,
    })
});

handler!(Logs, StopQuery, |logs, cx, input| Ok(on_account::<StopQuery>(cx).into()), |logs, cx, input| {
    logs.query(cx, &input.query_id)?;
    // AWS: unverified message.
    Err(faults::invalid("Query is already ended with Complete status"))
});

handler!(Logs, DescribeQueries, |logs, cx, input| Ok(on_account::<DescribeQueries>(cx).into()), |logs, cx, input| {
    let page = logs.store.read(|state| {
        let is_meant = |query: &state::Query| {
            input.log_group_name.as_ref().is_none_or(|name| query.groups.iter().any(|group| **group == **name))
                && input.status.as_ref().is_none_or(|status| status == "Complete")
                && input.query_language.as_ref().is_none_or(|language| language == "CWLI")
        };
        let rows = of_scope(&state.queries, &cx.scope, "", None).filter(|(_, query)| is_meant(query));
        // The newest first.
        let mut rows: Vec<_> = rows.map(|(id, query)| ((std::cmp::Reverse(query.created.millis()), id.clone()), query)).collect();
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        let key = |(std::cmp::Reverse(created), id): &(std::cmp::Reverse<i64>, Arc<str>)| (-created, id.clone());
        page_of::<DescribeQueries, _, _, _>(cx, &input, input.max_results, limits::PAGE, LONGEST_PAGE, |after: Option<(i64, Arc<str>)>| {
            let rows = rows.iter().skip_while(move |(of, _)| after.as_ref().is_some_and(|after| key(of) <= *after));
            rows.map(move |(of, query)| {
                let info = QueryInfo {
                    query_language: Some("CWLI".to_owned()),
                    query_id: Some(of.1.to_string()),
                    query_string: Some(query.text.clone()),
                    status: Some("Complete".to_owned()),
                    create_time: Some(query.created.millis()),
                    log_group_name: query.groups.first().map(ToString::to_string),
                    ..QueryInfo::default()
                };
                (key(of), info)
            })
        })
    })?;
    Ok(DescribeQueriesResponse { queries: Some(page.items), next_token: page.next_token })
});

handler!(Logs, ListLogGroupsForQuery, |logs, cx, input| Ok(on_account::<ListLogGroupsForQuery>(cx).into()), |logs, cx, input| {
    let query = logs.query(cx, &input.query_id)?;
    let page = page_of::<ListLogGroupsForQuery, _, _, _>(cx, &input, input.max_results, limits::PAGE, 500, |after: Option<usize>| {
        let first = after.map_or(0, |after| after.saturating_add(1));
        query.groups.iter().enumerate().skip(first)
    })?;
    let groups = page.items.into_iter().map(ToString::to_string).collect();
    Ok(ListLogGroupsForQueryResponse { log_group_identifiers: Some(groups), next_token: page.next_token })
});

handler!(
    Logs,
    GetLogRecord,
    |logs, cx, input| {
        let group = pointed(&input.log_record_pointer).map(|(group, ..)| own_group(cx, &group));
        Ok(group.map_or_else(|| on_account::<GetLogRecord>(cx), |group| logs.on_group::<GetLogRecord>(&group)).into())
    },
    |logs, cx, input| {
        // AWS: unverified message.
        let invalid = || faults::invalid("Invalid logRecordPointer");
        let (group, stream, place) = pointed(&input.log_record_pointer).ok_or_else(invalid)?;
        let key = own_group(cx, &group);
        let row = logs.group(&key)?;
        encryption::check(cx, &key, &row).await?;
        let sources = logs.events.read(&key, |events| events.sources_of(&stream, place, place.after())).flatten();
        let mut found = None;
        Scan::new(sources.ok_or_else(faults::no_such_stream)?, place, place.after(), Direction::Forward).run(1, |event| {
            found = event.event().map(|event| (event.place, event.ingested, event.message.to_owned()));
            ControlFlow::Break(())
        });
        let (_, ingested, message) = found.filter(|_| place.time >= row.oldest(cx.now)).ok_or_else(invalid)?;
        let mut fields: Map<String> = json_fields(&message).into_iter().collect();
        fields.extend([
            ("@timestamp".to_owned(), place.time.to_string()),
            ("@ingestionTime".to_owned(), ingested.to_string()),
            ("@message".to_owned(), message),
            ("@logStream".to_owned(), stream),
            ("@log".to_owned(), format!("{}:{group}", key.0.account)),
        ]);
        Ok(GetLogRecordResponse { log_record: Some(fields) })
    }
);

handler!(
    Logs,
    GetLogGroupFields,
    |logs, cx, input| {
        let group = group_of(cx, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        Ok(logs.on_group::<GetLogGroupFields>(&group).into())
    },
    |logs, cx, input| {
        let key = group_of(cx, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        let group = logs.group(&key)?;
        encryption::check(cx, &key, &group).await?;
        // AWS: around a time, in seconds, or the last 15 minutes.
        let quarter = 15 * 60 * 1000;
        let (from, to) = match input.time {
            Some(time) => (time.saturating_mul(1000).saturating_sub(quarter / 2), time.saturating_mul(1000).saturating_add(quarter / 2)),
            None => (cx.now.millis() - quarter, i64::MAX),
        };
        let (from, to) = (Position::new(from.max(group.oldest(cx.now)).max(0), 0), Position::new(to, 0));
        let sources = logs.events.read(&key, |events| events.sources(from, to, &|_| true)).unwrap_or_default();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut total = 0usize;
        Scan::new(sources, from, to, Direction::Backward).run(SAMPLED_EVENTS, |event| {
            total += 1;
            let own = ["@timestamp", "@ingestionTime", "@message", "@logStream", "@log"].map(str::to_owned);
            for field in own.into_iter().chain(json_fields(event.message).into_iter().map(|(name, _)| name)) {
                *counts.entry(field).or_default() += 1;
            }
            ControlFlow::Continue(())
        });
        let percent = |count: usize| i32::try_from(count * 100 / total.max(1)).unwrap_or(0);
        let fields = counts.into_iter().map(|(name, count)| LogGroupField { name: Some(name), percent: Some(percent(count)) });
        Ok(GetLogGroupFieldsResponse { log_group_fields: Some(fields.collect()) })
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_names_an_event() {
        let place = Position::new(1_764_000_000_000, 9);
        assert_eq!(pointed(&pointer("/a/b", "2026/1/[x]", place)), Some(("/a/b".into(), "2026/1/[x]".into(), place)));
        for text in ["", "x", "AAAA"] {
            assert_eq!(pointed(text), None);
        }
    }
}
