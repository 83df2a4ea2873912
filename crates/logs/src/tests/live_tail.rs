use super::fixture::*;
use cloudlet_api_logs::*;
use cloudlet_shape::Struct;
use futures_util::StreamExt;

fn text_of(event: Box<dyn Struct>) -> String {
    struct Shown<'s>(&'s dyn Struct);
    impl std::fmt::Debug for Shown<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            cloudlet_shape::debug(self.0, f)
        }
    }
    format!("{:?}", Shown(event.as_ref()))
}

#[tokio::test]
async fn a_session_shows_what_is_written_after_its_start() {
    let cloud = TestCloud::with_stream().await;
    cloud.put("g", "s", &[(0, "ERROR before")]).await;
    let input = StartLiveTailRequest {
        log_group_identifiers: vec!["arn:aws:logs:us-east-1:000000000000:log-group:g".into()],
        log_event_filter_pattern: Some("ERROR".into()),
        ..Default::default()
    };
    let mut events = cloud.ok::<StartLiveTail>(input).await.response_stream.unwrap().take().unwrap();
    let first = text_of(events.next().await.unwrap().unwrap());
    assert!(first.contains("log-group:g"), "{first}");
    cloud.put("g", "s", &[(0, "fine"), (1, "ERROR one")]).await;
    let second = text_of(events.next().await.unwrap().unwrap());
    assert!(second.contains("ERROR one") && !second.contains("before") && !second.contains("fine"), "{second}");
    cloud.advance(3 * 60 * 60);
    let last = text_of(events.next().await.unwrap().unwrap());
    assert!(last.contains("has ended"), "{last}");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_session_is_of_groups_that_exist() {
    let cloud = TestCloud::with_stream().await;
    let start = |groups: &[&str], streams: Option<&str>| StartLiveTailRequest {
        log_group_identifiers: groups.iter().map(|group| (*group).to_owned()).collect(),
        log_stream_names: streams.map(|name| vec![name.to_owned()]),
        ..Default::default()
    };
    assert_eq!(cloud.expect_fault::<StartLiveTail>(start(&["x"], None)).await.name(), "ResourceNotFoundException");
    cloud.group("h").await;
    assert_eq!(cloud.expect_fault::<StartLiveTail>(start(&["g", "h"], Some("s"))).await.name(), "InvalidParameterException");
}
