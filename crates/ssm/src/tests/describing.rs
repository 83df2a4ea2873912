use super::fixture::*;
use cloudlet_api_ssm::*;

async fn filled() -> TestCloud {
    let cloud = TestCloud::new();
    let tags = Some(vec![Tag { key: "team".into(), value: "red".into() }]);
    cloud.put(PutParameterRequest { tags, ..string("/app/one", "v") }).await;
    cloud.put(secure("/app/db/two", "v")).await;
    cloud.put(advanced(PutParameterRequest { r#type: Some("StringList".into()), ..string("three", "a,b") })).await;
    cloud.put(PutParameterRequest { data_type: Some("aws:ec2:image".into()), ..string("/app/image", "ami-0123456789abcdef0") }).await;
    cloud
}

#[tokio::test]
async fn every_filter_and_operator() {
    let cloud = filled().await;
    for (filters, expected) in [
        (vec![], vec!["three", "/app/image", "/app/one", "/app/db/two"]),
        (vec![filter("Name", None, &["/app/one"])], vec!["/app/one"]),
        (vec![filter("Name", None, &["app/one", "/three"])], vec!["three", "/app/one"]),
        (vec![filter("Name", Some("BeginsWith"), &["/app/i", "th"])], vec!["three", "/app/image"]),
        (vec![filter("Name", Some("Contains"), &["wo", "hre"])], vec!["three", "/app/db/two"]),
        (vec![filter("Type", None, &["String", "StringList"])], vec!["three", "/app/image", "/app/one"]),
        (vec![filter("KeyId", None, &["alias/aws/ssm"])], vec!["/app/db/two"]),
        (vec![filter("Path", None, &["/app"])], vec!["/app/image", "/app/one"]),
        (vec![filter("Path", Some("OneLevel"), &["/"])], vec!["three"]),
        (vec![filter("Path", Some("Recursive"), &["/app"])], vec!["/app/image", "/app/one", "/app/db/two"]),
        (vec![filter("Path", Some("Recursive"), &["/app/db", "/none"])], vec!["/app/db/two"]),
        (vec![filter("Tier", None, &["Advanced"])], vec!["three"]),
        (vec![filter("DataType", None, &["aws:ec2:image"])], vec!["/app/image"]),
        (vec![filter("tag:team", None, &["red", "blue"])], vec!["/app/one"]),
        (vec![filter("tag:team", Some("BeginsWith"), &["b"])], vec![]),
        (vec![filter("Path", None, &["/app"]), filter("Type", None, &["String"]), filter("tag:team", None, &["red"])], vec!["/app/one"]),
    ] {
        assert_eq!(cloud.described(filters.clone()).await.unwrap(), expected, "{:?}", filters.iter().map(|filter| &filter.key).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn filters_that_are_refused() {
    let cloud = filled().await;
    for (filters, name, message) in [
        (
            vec![filter("Label", None, &["x"])],
            "InvalidFilterKey",
            "The following filter key is not valid: Label. Valid filter keys include: [Path, Name, Type, KeyId, Tier].",
        ),
        (vec![filter("Name", None, &[])], "InvalidFilterValue", "The following filter values are missing : null for filter key Name."),
        (
            vec![filter("Name", None, &["a"]), filter("Name", None, &["b"])],
            "InvalidFilterKey",
            "The following filter is duplicated in the request: Name. A request can contain only one occurrence of a specific filter.",
        ),
        (
            vec![filter("Path", Some("Equals"), &["/a"])],
            "InvalidFilterOption",
            "The following filter option is not valid: Equals. Valid options include: [Recursive, OneLevel].",
        ),
        (
            vec![filter("Type", Some("Contains"), &["String"])],
            "InvalidFilterOption",
            "The following filter option is not valid: Contains. Valid options include: [BeginsWith, Equals].",
        ),
        (
            vec![filter("Type", None, &["string"])],
            "InvalidFilterOption",
            "The following filter value is not valid: string. Valid values include: [String, StringList, SecureString].",
        ),
        (
            vec![filter("Tier", None, &["Gold"])],
            "InvalidFilterOption",
            "The following filter value is not valid: Gold. Valid values include: [Standard, Advanced, Intelligent-Tiering].",
        ),
        (
            vec![filter("Path", None, &["/AWS/x"])],
            "ValidationException",
            "Filters for common parameters can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). When using global parameters, please specify \
             within a global namespace.",
        ),
    ] {
        assert_eq!(said(&cloud.described(filters).await.unwrap_err()), (name.to_owned(), message.to_owned()));
    }
    for path in ["a", "/a//b", "/a b"] {
        assert_eq!(cloud.described(vec![filter("Path", None, &[path])]).await.unwrap_err().name(), "ValidationException", "{path}");
    }
}

#[tokio::test]
async fn filters_of_the_first_generation() {
    let cloud = filled().await;
    let old = |key: &str, value: &str| ParametersFilter { key: key.into(), values: vec![value.into()] };
    let described = async |filters| {
        let input = DescribeParametersRequest { filters: Some(filters), ..Default::default() };
        let parameters = cloud.ok::<DescribeParameters>(input).await.parameters.unwrap();
        parameters.into_iter().map(|parameter| parameter.name.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(described(vec![old("Name", "/app/o")]).await, ["/app/one"]);
    assert_eq!(described(vec![old("Type", "SecureString")]).await, ["/app/db/two"]);
    assert_eq!(described(vec![old("KeyId", "alias/aws/ssm")]).await, ["/app/db/two"]);
    let both = DescribeParametersRequest {
        filters: Some(vec![old("Name", "a")]),
        parameter_filters: Some(vec![filter("Name", None, &["a"])]),
        ..Default::default()
    };
    let message = "You can use either Filters or ParameterFilters in a single request.";
    assert_eq!(said(&cloud.expect_fault::<DescribeParameters>(both).await), ("ValidationException".into(), message.into()));
}

#[tokio::test]
async fn what_is_described() {
    let cloud = filled().await;
    let input = DescribeParametersRequest { parameter_filters: Some(vec![filter("Name", None, &["/app/db/two"])]), ..Default::default() };
    let described = cloud.ok::<DescribeParameters>(input).await.parameters.unwrap().remove(0);
    assert_eq!(described.arn.as_deref(), Some("arn:aws:ssm:us-east-1:000000000000:parameter/app/db/two"));
    assert_eq!((described.key_id.as_deref(), described.tier.as_deref(), described.version), (Some("alias/aws/ssm"), Some("Standard"), Some(1)));
    assert_eq!(described.last_modified_user.as_deref(), Some("arn:aws:iam::000000000000:root"));
    let mut token = None;
    let mut seen = 0;
    loop {
        let input = DescribeParametersRequest { max_results: Some(1), next_token: token, ..Default::default() };
        let page = cloud.ok::<DescribeParameters>(input).await;
        seen += page.parameters.unwrap().len();
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, 4);
    let shared = DescribeParametersRequest { shared: Some(true), ..Default::default() };
    assert!(cloud.ok::<DescribeParameters>(shared).await.parameters.unwrap().is_empty());
}
