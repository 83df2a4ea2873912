use super::fixture::{TestCloud, map, other_account, receive, redrive};
use crate::{Sqs, Urls};
use cloudlet_api_sqs::*;
use cloudlet_aws::{Account, Region, Scope};
use cloudlet_engine::{Cx, Handle, Origin};
use cloudlet_store::Journal;
use std::sync::Arc;

#[tokio::test]
async fn a_queue_is_found_by_the_url_from_its_creation() {
    let cloud = TestCloud::new();
    let origin = Origin { endpoint: Some("https://sqs.example:8443".into()), ..Origin::default() };
    let input = CreateQueueRequest { queue_name: "q".into(), ..CreateQueueRequest::default() };
    let url = cloud.call_from::<CreateQueue>(origin, input).await.unwrap().queue_url.unwrap();
    assert_eq!(url, "https://sqs.example:8443/000000000000/q");
    for url in [url.as_str(), "http://localhost/000000000000/q", "q", "https://sqs.us-east-1.amazonaws.com/000000000000/q"] {
        cloud.send(url, "m").await;
    }
    assert_eq!(cloud.receive(&url).await.len(), 4);
}

#[tokio::test]
async fn every_url_form_is_understood() {
    for (urls, endpoint, expected) in [
        (Urls::Endpoint, "http://127.0.0.1:4566", "http://127.0.0.1:4566/000000000000/q"),
        (Urls::Path, "http://127.0.0.1:4566", "http://127.0.0.1:4566/queue/us-east-1/000000000000/q"),
        (Urls::Standard, "http://127.0.0.1:4566", "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/q"),
        (Urls::Standard, "https://localhost", "https://sqs.us-east-1.localhost.localstack.cloud/000000000000/q"),
        (Urls::Standard, "http://sqs.us-east-1.aws.test:80", "http://sqs.us-east-1.aws.test:80/000000000000/q"),
        (Urls::Domain, "http://aws.test", "http://queue.aws.test/000000000000/q"),
    ] {
        let sqs = Sqs::new(&Journal::off(), urls);
        let origin = || Origin { endpoint: Some(endpoint.into()), ..Origin::default() };
        let scope = Scope::new(Account::default(), Region::new("us-east-1"));
        let cx = || Cx::new(Arc::default(), scope.clone(), super::fixture::root(), "r".into(), origin());
        let input = CreateQueueRequest { queue_name: "q".into(), ..CreateQueueRequest::default() };
        let url = Handle::<CreateQueue>::handle(&*sqs, &cx(), input).await.unwrap().queue_url.unwrap();
        assert_eq!(url, expected);
        Handle::<SendMessage>::handle(&*sqs, &cx(), super::fixture::message(&url, "m")).await.unwrap();
    }
}

#[tokio::test]
async fn a_url_of_another_region_is_refused() {
    let cloud = TestCloud::new();
    cloud.create("q", &[]).await;
    let url = "https://sqs.eu-west-1.amazonaws.com/000000000000/q";
    assert_eq!(cloud.call::<ReceiveMessage>(receive(url)).await.unwrap_err().code(), "InvalidAddress");
}

#[tokio::test]
async fn a_url_of_no_queue_is_a_queue_that_does_not_exist() {
    let cloud = TestCloud::new();
    for url in ["http://whatever", "http://localhost/nothing", "http://localhost/1/2/3", "/", "absent"] {
        let fault = cloud.call::<ReceiveMessage>(receive(url)).await.unwrap_err();
        assert_eq!((fault.status(), fault.code()), (400, "AWS.SimpleQueueService.NonExistentQueue"), "{url}");
        let fault = cloud.call::<DeleteQueue>(DeleteQueueRequest { queue_url: url.into() }).await.unwrap_err();
        assert_eq!((fault.status(), fault.code()), (400, "AWS.SimpleQueueService.NonExistentQueue"), "{url}");
    }
}

#[tokio::test]
async fn creating_a_queue_again_with_the_same_attributes_succeeds() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[("DelaySeconds", "1"), ("VisibilityTimeout", "2")]).await;
    assert_eq!(cloud.create("q", &[]).await, url);
    assert_eq!(cloud.create("q", &[("DelaySeconds", "1")]).await, url);
    let tagged = CreateQueueRequest { queue_name: "q".into(), tags: Some(map(&[("a", "1")])), attributes: None };
    assert_eq!(cloud.call::<CreateQueue>(tagged.clone()).await.unwrap_err().name(), "QueueNameExists");
    cloud.call::<TagQueue>(TagQueueRequest { queue_url: url.clone(), tags: map(&[("a", "1")]) }).await.unwrap();
    cloud.call::<CreateQueue>(tagged).await.unwrap();
    assert_eq!(cloud.create("q", &[]).await, url);
    let fault = cloud.try_create("q", &[("DelaySeconds", "1"), ("VisibilityTimeout", "3")]).await.unwrap_err();
    assert_eq!((fault.name(), fault.code()), ("QueueNameExists", "QueueAlreadyExists"));
    assert_eq!(fault.message(), "A queue already exists with the same name and a different value for attribute VisibilityTimeout");
}

#[tokio::test]
async fn redrive_policies_are_compared_by_value() {
    let cloud = TestCloud::new();
    cloud.create("dead", &[]).await;
    cloud.create("q", &[("RedrivePolicy", &redrive("dead", 3))]).await;
    let spelled_differently = redrive("dead", 3).replace(":3", ": \"3\"");
    cloud.create("q", &[("RedrivePolicy", &spelled_differently)]).await;
    assert!(cloud.try_create("q", &[("RedrivePolicy", &redrive("dead", 4))]).await.is_err());
}

#[tokio::test]
async fn queue_names_are_validated() {
    let cloud = TestCloud::new();
    for (name, fifo) in [("q.fifo", false), ("q", true), ("", false), ("a b", false)] {
        let attributes: &[(&str, &str)] = if fifo { &[("FifoQueue", "true")] } else { &[] };
        let fault = cloud.try_create(name, attributes).await.unwrap_err();
        assert!(matches!(fault.code(), "InvalidParameterValue" | "MissingParameter"), "{name} {fault}");
    }
}

#[tokio::test]
async fn the_name_of_a_deleted_queue_cannot_be_used_for_a_minute() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    cloud.send(&url, "m").await;
    cloud.call::<DeleteQueue>(DeleteQueueRequest { queue_url: url.clone() }).await.unwrap();
    let gone = cloud.call::<ReceiveMessage>(receive(&url)).await.unwrap_err();
    assert_eq!((gone.code(), gone.message()), ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."));
    assert_eq!(gone.query_message(), "The specified queue does not exist for this wsdl version.");
    cloud.advance(59);
    assert_eq!(cloud.try_create("q", &[]).await.unwrap_err().name(), "QueueDeletedRecently");
    cloud.advance(1);
    cloud.create("q", &[]).await;
    assert!(cloud.receive(&url).await.is_empty(), "its messages are gone");
}

#[tokio::test]
async fn queues_are_listed_by_prefix_in_pages() {
    let cloud = TestCloud::new();
    for name in ["b-1", "a-3", "a-1", "a-2", "b-2"] {
        cloud.create(name, &[]).await;
    }
    let mut seen = vec![];
    let mut token = None;
    loop {
        let input = ListQueuesRequest { queue_name_prefix: Some("a-".into()), max_results: Some(2), next_token: token };
        let page = cloud.call::<ListQueues>(input).await.unwrap();
        seen.extend(page.queue_urls.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    let names: Vec<&str> = seen.iter().filter_map(|url| url.rsplit('/').next()).collect();
    assert_eq!(names, ["a-1", "a-2", "a-3"]);
    let all = cloud.call::<ListQueues>(ListQueuesRequest::default()).await.unwrap();
    let all_urls = all.queue_urls.unwrap();
    assert_eq!((all_urls.len(), all.next_token), (5, None));
    let none = ListQueuesRequest { queue_name_prefix: Some("c".into()), ..ListQueuesRequest::default() };
    assert!(cloud.call::<ListQueues>(none).await.unwrap().queue_urls.is_none());
    let first = ListQueuesRequest { max_results: Some(1), ..ListQueuesRequest::default() };
    let next_token = cloud.call::<ListQueues>(first).await.unwrap().next_token;
    let other = ListQueuesRequest { queue_name_prefix: Some("a-".into()), max_results: Some(1), next_token: next_token.clone() };
    assert_eq!(cloud.call::<ListQueues>(other).await.unwrap_err().code(), "InvalidParameterValue", "a token of another prefix");
    cloud.call::<DeleteQueue>(DeleteQueueRequest { queue_url: all_urls[0].clone() }).await.unwrap();
    let rest = ListQueuesRequest { max_results: Some(1000), next_token, ..ListQueuesRequest::default() };
    assert_eq!(cloud.call::<ListQueues>(rest).await.unwrap().queue_urls.unwrap(), all_urls[1..], "the first was listed before it was deleted");
    let forged = ListQueuesRequest { next_token: Some("nonsense".into()), max_results: Some(1), ..ListQueuesRequest::default() };
    assert_eq!(cloud.call::<ListQueues>(forged).await.unwrap_err().code(), "InvalidParameterValue");
    for size in [0, 1001] {
        let input = ListQueuesRequest { max_results: Some(size), ..ListQueuesRequest::default() };
        assert_eq!(cloud.call::<ListQueues>(input).await.unwrap_err().code(), "InvalidParameterValue");
    }
}

#[tokio::test]
async fn accounts_do_not_see_each_others_queues() {
    let cloud = TestCloud::new();
    cloud.create("q", &[]).await;
    let list = cloud.call_as::<ListQueues>(other_account(), ListQueuesRequest::default()).await.unwrap();
    assert!(list.queue_urls.is_none());
    let input = GetQueueUrlRequest { queue_name: "q".into(), queue_owner_aws_account_id: None };
    let fault = cloud.call_as::<GetQueueUrl>(other_account(), input).await.unwrap_err();
    assert_eq!(fault.name(), "QueueDoesNotExist");
}

#[tokio::test]
async fn a_queue_url_does_not_accept_operations_on_other_queues() {
    let cloud = TestCloud::new();
    let origin = || Origin { path: Some("/000000000000/q".into()), ..super::fixture::by_query() };
    let fault = cloud.call_from::<ListQueues>(origin(), ListQueuesRequest::default()).await.unwrap_err();
    assert_eq!((fault.code(), fault.message()), ("InvalidAction", "The action ListQueues is not valid for this endpoint."));
    let input = CreateQueueRequest { queue_name: "other".into(), ..CreateQueueRequest::default() };
    let fault = cloud.call_from::<CreateQueue>(origin(), input).await.unwrap_err();
    assert_eq!((fault.code(), fault.message()), ("InvalidAction", "The action CreateQueue is not valid for this endpoint."));
}

#[tokio::test]
async fn a_query_sent_to_a_queue_url_needs_no_queue_url_parameter() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    let origin = Origin { path: Some("/000000000000/q".into()), ..super::fixture::by_query() };
    cloud.call_from::<SendMessage>(origin, super::fixture::message("", "m")).await.unwrap();
    assert_eq!(cloud.receive(&url).await.len(), 1);
    let fault = cloud.call::<SendMessage>(super::fixture::message("", "m")).await.unwrap_err();
    assert_eq!((fault.code(), fault.message()), ("MissingParameter", "The request must contain the parameter QueueUrl."));
}

#[tokio::test]
async fn a_purge_empties_the_queue_and_is_allowed_once_a_minute() {
    let cloud = TestCloud::new();
    let url = cloud.create("q", &[]).await;
    cloud.send(&url, "seen").await;
    cloud.receive(&url).await;
    cloud.send(&url, "waiting").await;
    cloud.call::<SendMessage>(SendMessageRequest { delay_seconds: Some(5), ..super::fixture::message(&url, "delayed") }).await.unwrap();
    let purge = || cloud.call::<PurgeQueue>(PurgeQueueRequest { queue_url: url.clone() });
    purge().await.unwrap();
    cloud.advance(59);
    assert!(cloud.receive(&url).await.is_empty());
    let fault = purge().await.unwrap_err();
    assert_eq!((fault.status(), fault.message()), (403, "Only one PurgeQueue operation on q is allowed every 60 seconds."));
    cloud.advance(1);
    purge().await.unwrap();
    assert_eq!(cloud.counts(&url).await, ["0", "0", "0"]);
}

#[tokio::test]
async fn tags_are_added_replaced_and_removed() {
    let cloud = TestCloud::new();
    let input = CreateQueueRequest { queue_name: "q".into(), tags: Some(map(&[("a", "1"), ("b", "1")])), attributes: None };
    let url = cloud.call::<CreateQueue>(input).await.unwrap().queue_url.unwrap();
    cloud.call::<TagQueue>(TagQueueRequest { queue_url: url.clone(), tags: map(&[("b", "2"), ("B", "3")]) }).await.unwrap();
    cloud.call::<UntagQueue>(UntagQueueRequest { queue_url: url.clone(), tag_keys: vec!["a".into(), "z".into()] }).await.unwrap();
    let tags = cloud.call::<ListQueueTags>(ListQueueTagsRequest { queue_url: url.clone() }).await.unwrap().tags;
    assert_eq!(tags, Some(map(&[("B", "3"), ("b", "2")])));
    let fault = cloud.call::<TagQueue>(TagQueueRequest { queue_url: url, tags: map(&[("aws:x", "1")]) }).await.unwrap_err();
    assert_eq!(fault.code(), "InvalidParameterValue");
}
