use aws_sdk_s3::{
    Client,
    error::ProvideErrorMetadata,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart},
};
use cloudlet_rust_sdk_tests::Server;
use std::time::Duration;

async fn bucket(server: &Server) -> Client {
    let s3 = server.s3("test");
    s3.create_bucket().bucket("bucket").send().await.expect("a bucket");
    s3
}

async fn body(s3: &Client, key: &str) -> Vec<u8> {
    let got = s3.get_object().bucket("bucket").key(key).checksum_mode(ChecksumMode::Enabled).send().await.expect("the object");
    got.body.collect().await.expect("its body").to_vec()
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_put() {
    let server = Server::start();
    let s3 = bucket(&server).await;
    for key in ["plain", "a//b", "../up", "a b+c", "%2F", "ü/🦀"] {
        let put = s3.put_object().bucket("bucket").key(key).metadata("a", "1").body(ByteStream::from_static(b"body"));
        put.send().await.expect("put");
        assert_eq!(body(&s3, key).await, b"body");
    }
    let head = s3.head_object().bucket("bucket").key("plain").send().await.expect("head");
    assert_eq!(head.metadata().and_then(|all| all.get("a")).map(String::as_str), Some("1"));
    let part = s3.get_object().bucket("bucket").key("plain").range("bytes=1-2").send().await.expect("a range");
    assert_eq!(part.body.collect().await.expect("its body").to_vec(), b"od");
}

#[tokio::test]
async fn every_checksum_is_computed_and_verified() {
    let server = Server::start();
    let s3 = bucket(&server).await;
    for algorithm in
        [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32C, ChecksumAlgorithm::Crc64Nvme, ChecksumAlgorithm::Sha1, ChecksumAlgorithm::Sha256]
    {
        let key = algorithm.as_str().to_owned();
        let put = s3.put_object().bucket("bucket").key(&key).checksum_algorithm(algorithm).body(ByteStream::from_static(b"body"));
        put.send().await.expect("put");
        assert_eq!(body(&s3, &key).await, b"body");
    }
}

#[tokio::test]
async fn parts_become_one_object() {
    let server = Server::start();
    let s3 = bucket(&server).await;
    let upload =
        s3.create_multipart_upload().bucket("bucket").key("whole").checksum_algorithm(ChecksumAlgorithm::Crc32).send().await.expect("an upload");
    let id = upload.upload_id().expect("its id");
    let mut parts = CompletedMultipartUpload::builder();
    for (number, size) in [(1, 5 << 20), (2, 3)] {
        let part = s3.upload_part().bucket("bucket").key("whole").upload_id(id).part_number(number).body(vec![b'x'; size].into());
        let part = part.send().await.expect("a part");
        let done = CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).set_checksum_crc32(part.checksum_crc32);
        parts = parts.parts(done.build());
    }
    let complete = s3.complete_multipart_upload().bucket("bucket").key("whole").upload_id(id).multipart_upload(parts.build());
    complete.send().await.expect("complete");
    assert_eq!(body(&s3, "whole").await.len(), (5 << 20) + 3);
}

#[tokio::test]
async fn pages_give_every_key_once() {
    let server = Server::start();
    let s3 = bucket(&server).await;
    for number in 0..5 {
        s3.put_object().bucket("bucket").key(format!("key {number}")).send().await.expect("put");
    }
    let mut pages = s3.list_objects_v2().bucket("bucket").into_paginator().page_size(2).send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        keys.extend(page.expect("a page").contents().iter().filter_map(|found| found.key().map(str::to_owned)));
    }
    assert_eq!(keys, ["key 0", "key 1", "key 2", "key 3", "key 4"]);
}

#[tokio::test]
async fn errors_have_their_types() {
    let server = Server::start();
    let s3 = bucket(&server).await;
    let missing = s3.get_object().bucket("bucket").key("missing").send().await.expect_err("no such key").into_service_error();
    assert!(missing.is_no_such_key());
    let refused = server.s3("wrong").list_buckets().send().await.expect_err("a wrong secret").into_service_error();
    assert_eq!(refused.code(), Some("SignatureDoesNotMatch"));
}

#[tokio::test]
async fn a_presigned_request_can_be_made() {
    let server = Server::start();
    let s3 = bucket(&server).await;
    let minute = PresigningConfig::expires_in(Duration::from_secs(60)).expect("a minute");
    let request = s3.get_object().bucket("bucket").key("key").presigned(minute).await.expect("a URL");
    assert!(request.uri().starts_with(&server.url));
}
