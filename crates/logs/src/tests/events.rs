use super::fixture::*;
use cloudlet_api_logs::*;

#[tokio::test]
async fn a_batch_that_breaks_a_limit_is_refused() {
    let cloud = TestCloud::with_stream().await;
    let large = "x".repeat(1_048_576 - 26);
    cloud.put("g", "s", &[(0, &large)]).await;
    let fault = cloud.try_put("g", "s", &[(0, &format!("{large}x"))]).await.unwrap_err();
    assert_eq!(said(&fault), ("InvalidParameterException", "Upload too large: 1048577 bytes exceeds limit of 1048576"));
    let fault = cloud.try_put("g", "s", &[(1, "a"), (0, "b")]).await.unwrap_err();
    assert!(fault.message().contains("chronological order"), "{fault:?}");
    let fault = cloud.try_put("g", "s", &[(-(DAY as i64) * 1000 - 1, "a"), (0, "b")]).await.unwrap_err();
    assert!(fault.message().contains("24 hours"), "{fault:?}");
    let fault = cloud.try_put("g", "x", &[(0, "a")]).await.unwrap_err();
    assert_eq!(said(&fault), ("ResourceNotFoundException", "The specified log stream does not exist."));
    let fault = cloud.try_put("x", "s", &[(0, "a")]).await.unwrap_err();
    assert_eq!(said(&fault), ("ResourceNotFoundException", "The specified log group does not exist."));
}

#[tokio::test]
async fn events_out_of_time_are_not_taken_and_the_answer_says_which() {
    let cloud = TestCloud::with_stream().await;
    let hours = 60 * 60 * 1000;
    let answer = cloud.try_put("g", "s", &[(0, "now"), (3 * hours, "soon")]).await.unwrap();
    assert_eq!(answer.rejected_log_events_info.unwrap().too_new_log_event_start_index, Some(1));
    assert_eq!(answer.next_sequence_token.unwrap().len(), 56);
    let answer = cloud.try_put("g", "s", &[(-20 * 24 * hours, "old")]).await.unwrap();
    assert_eq!(answer.rejected_log_events_info.unwrap().too_old_log_event_end_index, Some(1));
    assert_eq!(messages(&cloud.get(Default::default()).await), ["now"]);
}

#[tokio::test]
async fn pages_go_forward_and_backward_without_a_gap() {
    let cloud = TestCloud::with_stream().await;
    let texts: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    let events: Vec<(i64, &str)> = texts.iter().zip(0..).map(|(text, time)| (time * 10, text.as_str())).collect();
    cloud.put("g", "s", &events).await;
    let last = cloud.get(GetLogEventsRequest { limit: Some(3), ..Default::default() }).await;
    assert_eq!(messages(&last), ["7", "8", "9"], "without a token: the newest");
    let with = |token: &Option<String>| GetLogEventsRequest { limit: Some(3), next_token: token.clone(), ..Default::default() };
    let before = cloud.get(with(&last.next_backward_token)).await;
    assert_eq!(messages(&before), ["4", "5", "6"]);
    let again = cloud.get(with(&before.next_forward_token)).await;
    assert_eq!(messages(&again), ["7", "8", "9"]);
    let end = cloud.get(with(&again.next_forward_token)).await;
    assert!(messages(&end).is_empty());
    assert_eq!(end.next_forward_token, again.next_forward_token, "at the end the token stays");
    assert_eq!(messages(&cloud.get(with(&end.next_backward_token)).await), ["7", "8", "9"]);
    // What comes later is seen by who waits at the end.
    cloud.put("g", "s", &[(1_000, "new")]).await;
    assert_eq!(messages(&cloud.get(with(&end.next_forward_token)).await), ["new"]);

    let head = cloud.get(GetLogEventsRequest { start_from_head: Some(true), limit: Some(2), ..Default::default() }).await;
    assert_eq!(messages(&head), ["0", "1"]);
    let start = cloud.get(with(&head.next_backward_token)).await;
    assert_eq!((messages(&start), &start.next_backward_token), (vec![], &head.next_backward_token));
    let base = cloudlet_testing::START.millis();
    let range = GetLogEventsRequest { start_time: Some(base + 20), end_time: Some(base + 40), ..Default::default() };
    assert_eq!(messages(&cloud.get(range).await), ["2", "3"], "the end is not included");
    let fault = cloud
        .expect_fault::<GetLogEvents>(GetLogEventsRequest {
            log_group_name: Some("g".into()),
            log_stream_name: "s".into(),
            next_token: Some("invalid-token".into()),
            ..Default::default()
        })
        .await;
    assert_eq!(said(&fault), ("InvalidParameterException", "The specified nextToken is invalid."));
}

#[tokio::test]
async fn a_stream_without_events_has_tokens_too() {
    let cloud = TestCloud::with_stream().await;
    let empty = cloud.get(Default::default()).await;
    assert!(messages(&empty).is_empty());
    let token = empty.next_forward_token.clone();
    assert!(token.as_ref().is_some_and(|token| token.starts_with("f/")) && empty.next_backward_token.is_some());
    cloud.put("g", "s", &[(0, "first")]).await;
    assert_eq!(messages(&cloud.get(GetLogEventsRequest { next_token: token, ..Default::default() }).await), ["first"]);
}

#[tokio::test]
async fn a_filter_sorts_over_streams_and_pages() {
    let cloud = TestCloud::with_stream().await;
    cloud.stream("g", "t").await;
    for (stream, events) in [("s", [(0, "a ERROR"), (20, "c")]), ("t", [(10, "b ERROR"), (20, "d ERROR")])] {
        cloud.put("g", stream, &events).await;
    }
    assert_eq!(cloud.filter("").await, ["a ERROR", "b ERROR", "c", "d ERROR"]);
    assert_eq!(cloud.filter("ERROR").await, ["a ERROR", "b ERROR", "d ERROR"]);
    let filter = |limit, token: Option<String>, streams: Option<&[&str]>| FilterLogEventsRequest {
        log_group_name: Some("g".into()),
        filter_pattern: Some("ERROR".into()),
        limit: Some(limit),
        next_token: token,
        log_stream_names: streams.map(|streams| streams.iter().map(|name| (*name).to_owned()).collect()),
        ..Default::default()
    };
    let first = cloud.ok::<FilterLogEvents>(filter(2, None, None)).await;
    let second = cloud.ok::<FilterLogEvents>(filter(2, first.next_token.clone(), None)).await;
    assert_eq!((first.events.unwrap().len(), second.events.as_ref().unwrap().len(), second.next_token), (2, 1, None));
    let event = &second.events.unwrap()[0];
    assert_eq!((event.log_stream_name.as_deref(), event.event_id.as_ref().map(String::len)), (Some("t"), Some(56)));
    assert_eq!(cloud.ok::<FilterLogEvents>(filter(9, None, Some(&["s"]))).await.events.unwrap().len(), 1);
    let fault = cloud.expect_fault::<FilterLogEvents>(filter(2, first.next_token, Some(&["s"]))).await;
    assert_eq!(fault.message(), "The specified nextToken is invalid.", "a token is bound to its filters");
    let fault = cloud.expect_fault::<FilterLogEvents>(filter(2, None, Some(&["x"]))).await;
    assert_eq!(fault.name(), "ResourceNotFoundException");
    let newest = FilterLogEventsRequest { start_from_head: Some(false), ..filter(2, None, None) };
    let newest = cloud.ok::<FilterLogEvents>(newest).await.events.unwrap();
    assert_eq!(newest[0].message.as_deref(), Some("d ERROR"));
}

#[tokio::test]
async fn events_are_gone_when_their_time_is_over() {
    let cloud = TestCloud::with_stream().await;
    cloud.put("g", "s", &[(0, "a"), (1_000, "b")]).await;
    cloud.ok::<PutRetentionPolicy>(PutRetentionPolicyRequest { log_group_name: "g".into(), retention_in_days: 3 }).await;
    cloud.advance(3 * DAY);
    assert_eq!(cloud.filter("").await, ["a", "b"]);
    cloud.advance(1);
    assert_eq!(cloud.filter("").await, ["b"]);
    cloud.advance(1);
    assert!(messages(&cloud.get(Default::default()).await).is_empty());
    let answer = cloud.try_put("g", "s", &[(0, "late")]).await.unwrap();
    assert_eq!(answer.rejected_log_events_info.unwrap().expired_log_event_end_index, Some(1));
    let fault = cloud.expect_fault::<PutRetentionPolicy>(PutRetentionPolicyRequest { log_group_name: "g".into(), retention_in_days: 4 }).await;
    assert_eq!(fault.name(), "InvalidParameterException");
    cloud.ok::<DeleteRetentionPolicy>(DeleteRetentionPolicyRequest { log_group_name: "g".into() }).await;
    assert_eq!(cloud.filter("").await, ["a", "b"], "what was not written over is there again");
}

#[tokio::test]
async fn many_events_are_found_and_a_page_at_the_end_looks_at_few() {
    let cloud = TestCloud::with_stream().await;
    for batch in 0..40 {
        let texts: Vec<String> = (0..2_500).map(|number| format!("event {batch} {number}")).collect();
        let events: Vec<(i64, &str)> = texts.iter().map(|text| (batch, text.as_str())).collect();
        cloud.put("g", "s", &events).await;
    }
    assert_eq!(cloud.filter("\"39 2499\"").await, ["event 39 2499"]);
    let mut token = None;
    let mut count = 0;
    loop {
        let input = FilterLogEventsRequest { log_group_name: Some("g".into()), next_token: token, ..Default::default() };
        let page = cloud.ok::<FilterLogEvents>(input).await;
        count += page.events.unwrap().len();
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(count, 100_000);
}
