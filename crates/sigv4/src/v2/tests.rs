use super::*;
use crate::Target;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

type Fields = Vec<(&'static str, String)>;

/// Examples of <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationExamples>
fn example(method: &str, bucket: Option<&str>, path: &str, query: &str, fields: &[(&'static str, &str)], signature: &str) {
    let mut headers: Fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    headers.push(("authorization", format!("AWS {KEY}:{signature}")));
    let head = Head { method, path, query, headers: &headers };
    let claim = crate::read_claim(&head, &Target::s3()).unwrap().unwrap();
    assert_eq!((claim.algorithm, &*claim.access_key), (Algorithm::V2, KEY));
    verify(&head, &claim, bucket, SECRET).unwrap();
    assert!(verify(&head, &claim, bucket, "another").is_err());
    assert!(verify(&Head { method: "PATCH", ..head }, &claim, bucket, SECRET).is_err());
}

#[test]
fn the_published_examples_are_verified() {
    let date = |text| ("date", text);
    example("GET", Some("awsexamplebucket1"), "/photos/puppy.jpg", "", &[date("Tue, 27 Mar 2007 19:36:42 +0000")], "qgk2+6Sv9/oM7G3qLEjTH1a1l1g=");
    example(
        "PUT",
        Some("awsexamplebucket1"),
        "/photos/puppy.jpg",
        "",
        &[("content-type", "image/jpeg"), ("content-length", "94328"), date("Tue, 27 Mar 2007 21:15:45 +0000")],
        "iqRzw+ileNPu1fhspnRs8nOjjIA=",
    );
    example(
        "GET",
        Some("awsexamplebucket1"),
        "/",
        "prefix=photos&max-keys=50&marker=puppy",
        &[date("Tue, 27 Mar 2007 19:42:41 +0000")],
        "m0WP8eCtspQl5Ahe6L1SozdX9YA=",
    );
    example("GET", Some("awsexamplebucket1"), "/", "acl", &[date("Tue, 27 Mar 2007 19:44:46 +0000")], "82ZHiFIjc+WbcwFKGUVEQspPn+0=");
    example("GET", None, "/", "", &[date("Wed, 28 Mar 2007 01:29:59 +0000")], "qGdzdERIC03wnaRNKh6OqZehG9s=");
    example(
        "GET",
        None,
        "/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re",
        "",
        &[date("Wed, 28 Mar 2007 01:49:49 +0000")],
        "DNEZGsoieTZ92F3bUfSPQcbGmlM=",
    );
}

#[test]
fn a_bucket_alone_may_be_signed_with_its_slash_though_the_path_has_none() {
    let date = ("date", "Tue, 27 Mar 2007 19:44:46 +0000");
    example("GET", None, "/awsexamplebucket1", "acl", &[date], "82ZHiFIjc+WbcwFKGUVEQspPn+0=");
    example("GET", None, "/awsexamplebucket1/", "acl", &[date], "82ZHiFIjc+WbcwFKGUVEQspPn+0=");
}

#[test]
fn the_list_of_subresources_is_sorted() {
    assert!(SUBRESOURCES.is_sorted());
    assert!(YOUNG.iter().all(|young| SUBRESOURCES.contains(young)));
}

#[test]
fn repeated_amz_headers_are_joined_and_the_amz_date_replaces_the_date() {
    let headers: Fields = vec![
        ("x-amz-meta-b", "2".to_owned()),
        ("date", "ignored".to_owned()),
        ("x-amz-date", "Tue, 27 Mar 2007 21:20:26 +0000".to_owned()),
        ("x-amz-meta-b", " 3 ".to_owned()),
        ("authorization", "AWS a:b".to_owned()),
    ];
    let head = Head { method: "GET", path: "/b/k", query: "uploadId=%2F&x=y&acl=", headers: &headers };
    let claim = crate::read_claim(&head, &Target::s3()).unwrap().unwrap();
    let text = "GET\n\n\n\nx-amz-date:Tue, 27 Mar 2007 21:20:26 +0000\nx-amz-meta-b:2,3\n/b/k?acl&uploadId=/";
    assert_eq!(strings_to_sign(&head, &claim, None), [text]);
    let fault = verify(&head, &claim, None, SECRET).unwrap_err();
    let members: Vec<&str> = fault.members().iter().map(|(name, _)| *name).collect();
    assert_eq!(members, ["AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes"]);
    assert_eq!(fault.members()[1].1, text);
}
