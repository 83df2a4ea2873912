use super::fixture::*;
use cloudlet_api_ssm::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[tokio::test]
async fn a_path_gives_its_own_or_all_below() {
    let cloud = TestCloud::new();
    for name in ["/a/b", "/a/c/d", "/a/c/e", "/a-z/f", "/ab", "root", "/a/c"] {
        cloud.put(string(name, "v")).await;
    }
    for (path, own, below) in [
        ("/a", vec!["/a/b", "/a/c"], vec!["/a/b", "/a/c", "/a/c/d", "/a/c/e"]),
        ("/a/", vec!["/a/b", "/a/c"], vec!["/a/b", "/a/c", "/a/c/d", "/a/c/e"]),
        ("/a/c", vec!["/a/c/d", "/a/c/e"], vec!["/a/c/d", "/a/c/e"]),
        ("/none", vec![], vec![]),
        ("/", vec!["/ab", "root"], vec!["/a-z/f", "/a/b", "/a/c", "/a/c/d", "/a/c/e", "/ab", "root"]),
    ] {
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names
        };
        assert_eq!(sorted(cloud.all_by_path(by_path(path)).await), own, "{path}");
        assert_eq!(sorted(cloud.all_by_path(recursively(path)).await), below, "{path}");
    }
    let fault = cloud.expect_fault::<GetParametersByPath>(by_path("a")).await;
    assert_eq!(fault.name(), "ValidationException");
    assert!(fault.message().starts_with("The parameter doesn't meet the parameter name requirements."), "{}", fault.message());
}

#[tokio::test]
async fn pages_are_bound_to_their_list_and_skip_nothing_that_is_deleted() {
    let cloud = TestCloud::new();
    for number in 0..25 {
        cloud.put(string(&format!("/p/{number:02}"), "v")).await;
    }
    let first = cloud.ok::<GetParametersByPath>(by_path("/p")).await;
    assert_eq!(first.parameters.as_ref().unwrap().len(), 10);
    cloud.ok::<DeleteParameter>(DeleteParameterRequest { name: "/p/09".into() }).await;
    let input = GetParametersByPathRequest { next_token: first.next_token.clone(), max_results: Some(3), ..by_path("/p") };
    let second = cloud.ok::<GetParametersByPath>(input.clone()).await;
    assert_eq!(names(second.parameters), ["/p/10", "/p/11", "/p/12"]);
    let other = GetParametersByPathRequest { path: "/q".into(), ..input };
    assert_eq!(cloud.expect_fault::<GetParametersByPath>(other).await.name(), "InvalidNextToken");
}

#[tokio::test]
async fn a_path_is_filtered_by_type_key_and_label() {
    let cloud = TestCloud::new();
    cloud.put(string("/p/plain", "old")).await;
    cloud.put(overwrite("/p/plain", "new")).await;
    cloud.label("/p/plain", 1, &["prod"]).await.unwrap();
    cloud.put(secure("/p/secret", "v")).await;
    cloud.put(PutParameterRequest { key_id: Some("alias/mine".into()), ..secure("/p/mine", "v") }).await;
    let filtered = async |filters| {
        let input = GetParametersByPathRequest { parameter_filters: Some(filters), ..by_path("/p") };
        cloud.call::<GetParametersByPath>(input).await.map(|page| page.parameters.unwrap())
    };
    let found = |parameters: Vec<Parameter>| names(Some(parameters));
    assert_eq!(found(filtered(vec![filter("Type", None, &["SecureString"])]).await.unwrap()), ["/p/mine", "/p/secret"]);
    assert_eq!(found(filtered(vec![filter("KeyId", Some("BeginsWith"), &["alias/m"])]).await.unwrap()), ["/p/mine"]);
    let labelled = filtered(vec![filter("Label", None, &["prod", "other"])]).await.unwrap();
    assert_eq!((labelled.len(), labelled[0].value.as_deref(), labelled[0].version), (1, Some("old"), Some(1)));
    let fault = filtered(vec![filter("Name", None, &["x"])]).await.unwrap_err();
    let message = "The following filter key is not valid: Name. Valid filter keys include: [Type, KeyId].";
    assert_eq!(said(&fault), ("InvalidFilterKey".into(), message.into()));
}

#[tokio::test]
async fn what_aws_publishes_is_read_by_everybody() {
    let cloud = TestCloud::new();
    let name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
    let image = cloud.get(name).await;
    assert_eq!(image.arn.as_deref(), Some(&*format!("arn:aws:ssm:us-east-1::parameter{name}")));
    assert_eq!(image.data_type.as_deref(), Some("aws:ec2:image"));
    assert_eq!(cloud.value(&format!("arn:aws:ssm:us-east-1::parameter{name}")).await, image.value.unwrap());
    assert_eq!(cloud.all_by_path(by_path("/aws/service/global-infrastructure/regions")).await.len(), 33);
    assert_eq!(cloud.all_by_path(by_path("/aws/service/ami-windows-latest")).await.len(), 8);
    let eks = "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/x86_64/standard/recommended";
    let facts: serde_json::Value = serde_json::from_str(&cloud.value(eks).await).unwrap();
    assert_eq!(facts["image_id"], cloud.value(&format!("{eks}/image_id")).await);
    assert_eq!(cloud.get_fault("/aws/service/none").await.0, "ParameterNotFound");
    assert_eq!(cloud.put_fault(overwrite(name, "v")).await.0, "AccessDeniedException");
    assert!(cloud.all_by_path(recursively("/")).await.is_empty(), "they are nobody's own");
    let strings =
        GetParametersByPathRequest { parameter_filters: Some(vec![filter("Type", None, &["SecureString"])]), ..recursively("/aws/service") };
    assert!(cloud.ok::<GetParametersByPath>(strings).await.parameters.unwrap().is_empty());
}

prop_compose! {
    fn a_name()(parts in prop::collection::vec("[ab.-]{1,2}", 1..5)) -> String {
        format!("/{}", parts.join("/"))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Whatever the names and the page size, the pages of a path are what its definition says.
    #[test]
    fn pages_of_a_path_are_what_is_below_it(names in prop::collection::btree_set(a_name(), 0..25), path in a_name(), size in 1..11i32) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let cloud = TestCloud::new();
            for name in &names {
                cloud.put(string(name, "v")).await;
            }
            for path in [path.as_str(), "/"] {
                let prefix = if path == "/" { "/".to_owned() } else { format!("{path}/") };
                let below: BTreeSet<String> = names.iter().filter(|name| name.starts_with(&prefix)).cloned().collect();
                let own: BTreeSet<String> = below.iter().filter(|name| !name[prefix.len()..].contains('/')).cloned().collect();
                for (input, expected) in [(recursively(path), below), (by_path(path), own)] {
                    let found = cloud.all_by_path(GetParametersByPathRequest { max_results: Some(size), ..input }).await;
                    assert_eq!(found.len(), expected.len(), "each once: {found:?}");
                    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "{path}");
                }
            }
        });
    }
}
