use super::*;
use cloudlet_api_ec2::{
    self as api, AccessScopePathRequest, CreateNetworkInsightsAccessScope, CreateNetworkInsightsAccessScopeRequest, DeleteNetworkInsightsAccessScope,
    DeleteNetworkInsightsAccessScopeAnalysis, DescribeNetworkInsightsAccessScopeAnalyses, GetNetworkInsightsAccessScopeAnalysisFindings,
    GetNetworkInsightsAccessScopeContent, PacketHeaderStatementRequest, PathStatementRequest, ResourceStatementRequest,
    StartNetworkInsightsAccessScopeAnalysis,
};

fn resource(kinds: &[&str], ids: &[&str]) -> PathStatementRequest {
    let texts = |all: &[&str]| (!all.is_empty()).then(|| all.iter().map(|one| (*one).to_owned()).collect());
    PathStatementRequest {
        resource_statement: Some(ResourceStatementRequest { resources: texts(ids), resource_types: texts(kinds) }),
        packet_header_statement: None,
    }
}

fn from_internet(to: PathStatementRequest) -> AccessScopePathRequest {
    AccessScopePathRequest { source: Some(resource(&["AWS::EC2::InternetGateway"], &[])), destination: Some(to), through_resources: None }
}

async fn found(
    cloud: &TestCloud,
    matches: Vec<AccessScopePathRequest>,
    excludes: Vec<AccessScopePathRequest>,
) -> Vec<api::AccessScopeAnalysisFinding> {
    let input = CreateNetworkInsightsAccessScopeRequest {
        match_paths: Some(matches),
        exclude_paths: (!excludes.is_empty()).then_some(excludes),
        ..Default::default()
    };
    let scope =
        cloud.ok::<CreateNetworkInsightsAccessScope>(input).await.network_insights_access_scope.unwrap().network_insights_access_scope_id.unwrap();
    let start = api::StartNetworkInsightsAccessScopeAnalysisRequest { network_insights_access_scope_id: scope.clone(), ..Default::default() };
    let analysis = cloud.ok::<StartNetworkInsightsAccessScopeAnalysis>(start).await.network_insights_access_scope_analysis.unwrap();
    assert_eq!(analysis.status.as_deref(), Some("running"));
    let id = analysis.network_insights_access_scope_analysis_id.unwrap();
    cloud.pass(2).await;
    let ask = api::DescribeNetworkInsightsAccessScopeAnalysesRequest { network_insights_access_scope_id: Some(scope), ..Default::default() };
    let shown = cloud.ok::<DescribeNetworkInsightsAccessScopeAnalyses>(ask).await.network_insights_access_scope_analyses.unwrap().remove(0);
    let get = api::GetNetworkInsightsAccessScopeAnalysisFindingsRequest { network_insights_access_scope_analysis_id: id, ..Default::default() };
    let findings = cloud.ok::<GetNetworkInsightsAccessScopeAnalysisFindings>(get).await.analysis_findings.unwrap();
    assert_eq!(shown.findings_found.as_deref(), Some(if findings.is_empty() { "false" } else { "true" }));
    findings
}

/// An instance with a public address, whose group lets port 22 in from an office and 443 from everywhere.
async fn open_instance(cloud: &TestCloud) -> String {
    let group = group(cloud, "open", None).await;
    for (port, cidr) in [(22, "198.51.100.0/24"), (443, "0.0.0.0/0")] {
        cloud.ok::<AuthorizeSecurityGroupIngress>(ingress(&group, permission("tcp", port, port, cidr))).await;
    }
    let run = api::RunInstancesRequest {
        image_id: Some("ami-0123456789abcdef0".into()),
        security_group_ids: Some(vec![group]),
        max_count: 1,
        min_count: 1,
        ..Default::default()
    };
    let instance = cloud.ok::<api::RunInstances>(run).await.instances.unwrap().remove(0);
    cloud.pass(10).await;
    instance.network_interfaces.unwrap().remove(0).network_interface_id.unwrap()
}

#[tokio::test]
async fn paths_from_the_internet_are_found_and_some_are_expected() {
    let cloud = cloud();
    let interface = open_instance(&cloud).await;
    let to_interfaces = || resource(&["AWS::EC2::NetworkInterface"], &[]);
    let all = found(&cloud, vec![from_internet(to_interfaces())], vec![]).await;
    assert_eq!(all.len(), 2, "one for each rule");
    let components = all[0].finding_components.as_ref().unwrap();
    assert!(components.first().unwrap().component.as_ref().unwrap().id.as_ref().unwrap().starts_with("igw-"));
    assert_eq!(components.last().unwrap().component.as_ref().unwrap().id.as_deref(), Some(interface.as_str()));
    // HTTPS is meant to be open.
    let header = PacketHeaderStatementRequest { destination_ports: Some(vec!["443".into()]), ..Default::default() };
    let https = PathStatementRequest { packet_header_statement: Some(header), ..resource(&[], &[&interface]) };
    let others = found(&cloud, vec![from_internet(to_interfaces())], vec![from_internet(https.clone())]).await;
    assert_eq!(others.len(), 1);
    assert_eq!(found(&cloud, vec![from_internet(https)], vec![]).await.len(), 1);
    // Nothing goes through a gateway that is not there.
    let through = api::ThroughResourcesStatementRequest {
        resource_statement: Some(ResourceStatementRequest { resource_types: Some(vec!["AWS::EC2::NatGateway".into()]), resources: None }),
    };
    let by_nat = AccessScopePathRequest { through_resources: Some(vec![through]), ..from_internet(to_interfaces()) };
    assert!(found(&cloud, vec![by_nat], vec![]).await.is_empty());
}

#[tokio::test]
async fn scopes_are_read_back_and_outlive_a_restart() {
    let cloud = cloud();
    let input = CreateNetworkInsightsAccessScopeRequest {
        match_paths: Some(vec![from_internet(resource(&["AWS::EC2::NetworkInterface"], &[]))]),
        client_token: "token".into(),
        ..Default::default()
    };
    let made = cloud.ok::<CreateNetworkInsightsAccessScope>(input.clone()).await.network_insights_access_scope.unwrap();
    let again = cloud.ok::<CreateNetworkInsightsAccessScope>(input).await.network_insights_access_scope.unwrap();
    assert_eq!(made.network_insights_access_scope_id, again.network_insights_access_scope_id);
    let id = made.network_insights_access_scope_id.unwrap();
    let start = api::StartNetworkInsightsAccessScopeAnalysisRequest { network_insights_access_scope_id: id.clone(), ..Default::default() };
    let analysis = cloud.ok::<StartNetworkInsightsAccessScopeAnalysis>(start).await.network_insights_access_scope_analysis.unwrap();
    let cloud = cloud.restart();
    let get = api::GetNetworkInsightsAccessScopeContentRequest { network_insights_access_scope_id: id.clone(), ..Default::default() };
    let content = cloud.ok::<GetNetworkInsightsAccessScopeContent>(get).await.network_insights_access_scope_content.unwrap();
    let kinds = content.match_paths.unwrap().remove(0).source.unwrap().resource_statement.unwrap().resource_types.unwrap();
    assert_eq!(kinds, ["AWS::EC2::InternetGateway"]);
    let delete = api::DeleteNetworkInsightsAccessScopeRequest { network_insights_access_scope_id: id, ..Default::default() };
    let refused = cloud.expect_fault::<DeleteNetworkInsightsAccessScope>(delete.clone()).await;
    assert_eq!(refused.code(), "AnalysisExistsForNetworkInsightsAccessScope");
    let analysis = analysis.network_insights_access_scope_analysis_id.unwrap();
    let delete_analysis =
        api::DeleteNetworkInsightsAccessScopeAnalysisRequest { network_insights_access_scope_analysis_id: analysis, ..Default::default() };
    cloud.ok::<DeleteNetworkInsightsAccessScopeAnalysis>(delete_analysis).await;
    cloud.ok::<DeleteNetworkInsightsAccessScope>(delete.clone()).await;
    assert_eq!(cloud.expect_fault::<DeleteNetworkInsightsAccessScope>(delete).await.code(), "InvalidNetworkInsightsAccessScopeId.NotFound");
}

#[tokio::test]
async fn bad_statements_are_refused() {
    let cloud = cloud();
    let create = |path: AccessScopePathRequest| CreateNetworkInsightsAccessScopeRequest { match_paths: Some(vec![path]), ..Default::default() };
    let header = |header| PathStatementRequest { packet_header_statement: Some(header), resource_statement: None };
    for (statement, message) in [
        (resource(&["Interface"], &[]), "The resource type Interface is not valid."),
        (
            header(PacketHeaderStatementRequest { destination_ports: Some(vec!["9-1".into()]), ..Default::default() }),
            "The port range 9-1 is not valid.",
        ),
        (
            header(PacketHeaderStatementRequest { source_addresses: Some(vec!["here".into()]), ..Default::default() }),
            "The address here is not valid.",
        ),
    ] {
        assert_eq!(cloud.expect_fault::<CreateNetworkInsightsAccessScope>(create(from_internet(statement))).await.message(), message);
    }
    let nothing = CreateNetworkInsightsAccessScopeRequest::default();
    assert_eq!(cloud.expect_fault::<CreateNetworkInsightsAccessScope>(nothing).await.code(), "MissingParameter");
}
