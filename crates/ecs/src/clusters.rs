//! Clusters. <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/clusters.html>

use crate::{
    Ecs, faults, limits, names,
    state::{Cluster as Row, State},
};
use cloudlet_api_ecs::*;
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, StoredShape, paging::Paging};

fn shown(ecs: &Ecs, cx: &Cx, state: &State, name: &str, row: &Row, include: &[String]) -> Cluster {
    let has = |field: &str| include.iter().any(|included| included == field);
    let running = state.tasks_of(&cx.scope, name).filter(|(_, task)| ecs.runs(task)).count();
    Cluster {
        cluster_arn: Some(names::cluster_arn(cx, name).to_string()),
        cluster_name: Some(name.to_owned()),
        configuration: row.configuration.as_ref().filter(|_| has("CONFIGURATIONS")).map(StoredShape::shape),
        status: Some(if row.active { "ACTIVE" } else { "INACTIVE" }.to_owned()),
        registered_container_instances_count: Some(0),
        running_tasks_count: Some(i32::try_from(running).unwrap_or(i32::MAX)),
        pending_tasks_count: Some(0),
        active_services_count: Some(0),
        statistics: Some(vec![]),
        tags: Some(row.tags.iter().filter(|_| has("TAGS")).map(StoredShape::shape).collect()),
        settings: Some(row.settings.iter().filter(|_| has("SETTINGS")).map(StoredShape::shape).collect()),
        capacity_providers: Some(vec![]),
        default_capacity_provider_strategy: Some(vec![]),
        ..Cluster::default()
    }
}

/// Everything of a cluster: of the answers to CreateCluster and DeleteCluster.
fn everything() -> Vec<String> {
    ["CONFIGURATIONS", "TAGS", "SETTINGS"].map(str::to_owned).to_vec()
}

impl Ecs {
    /// The configuration of an active cluster.
    pub fn cluster(&self, scope: &Scope, name: &str) -> Result<Row, Fault> {
        let found = self.store.read(|state| state.clusters.get(&(scope.clone(), name.to_owned())).cloned());
        found.filter(|row| row.active).ok_or_else(faults::no_such_cluster)
    }
}

impl Handle<CreateCluster> for Ecs {
    fn permissions(&self, cx: &Cx, input: &CreateClusterRequest) -> Result<Permissions, Fault> {
        let tags = input.tags.iter().flatten().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default())));
        let name = names::cluster(input.cluster_name.as_deref());
        let has_tags = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
        let permission = Permission::of::<CreateCluster>(names::cluster_arn(cx, name)).with_request_tags(tags);
        Ok(names::with_tagging(permission, has_tags, "CreateCluster"))
    }

    async fn handle(&self, cx: &Cx, input: CreateClusterRequest) -> Result<CreateClusterResponse, Fault> {
        let name = input.cluster_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(names::DEFAULT_CLUSTER);
        if !names::is_name(name) {
            return Err(faults::invalid("Cluster names must match pattern [a-zA-Z0-9\\-_]{1,255}"));
        }
        if input.capacity_providers.iter().flatten().next().is_some() || input.service_connect_defaults.is_some() {
            return Err(faults::client("Capacity providers and Service Connect are not built."));
        }
        let key = (cx.scope.clone(), name.to_owned());
        self.store.write(|state| {
            // AWS: an active cluster of the name is answered as it is.
            let known = state.clusters.get(&key).filter(|row| row.active).cloned();
            let row = match known {
                Some(row) => row,
                None => {
                    if state.clusters_of(&cx.scope).filter(|(_, row)| row.active).count() >= limits::CLUSTERS {
                        // AWS: unverified message.
                        return Err(faults::client("The maximum number of clusters has been reached."));
                    }
                    let row = Row {
                        configuration: input.configuration.clone().map(StoredShape::new),
                        settings: input.settings.clone().unwrap_or_default().into_iter().map(StoredShape::new).collect(),
                        tags: input.tags.clone().unwrap_or_default().into_iter().map(StoredShape::new).collect(),
                        active: true,
                    };
                    state.clusters.insert(key.clone(), row.clone());
                    row
                }
            };
            Ok(CreateClusterResponse { cluster: Some(shown(self, cx, state, name, &row, &everything())) })
        })
    }
}

impl Handle<DescribeClusters> for Ecs {
    fn permissions(&self, cx: &Cx, input: &DescribeClustersRequest) -> Result<Permissions, Fault> {
        let of = |name: Option<&str>| Permission::of::<DescribeClusters>(names::cluster_arn(cx, names::cluster(name)));
        let named: Permissions = input.clusters.iter().flatten().map(|name| of(Some(name))).collect();
        Ok(if named.is_empty() { of(None).into() } else { named })
    }

    async fn handle(&self, cx: &Cx, input: DescribeClustersRequest) -> Result<DescribeClustersResponse, Fault> {
        let wanted = input.clusters.filter(|wanted| !wanted.is_empty()).unwrap_or_else(|| vec![names::DEFAULT_CLUSTER.to_owned()]);
        if wanted.len() > limits::PAGE {
            return Err(faults::invalid("Clusters cannot have more than 100 elements."));
        }
        let include = input.include.unwrap_or_default();
        let (mut clusters, mut failures) = (vec![], vec![]);
        self.store.read(|state| {
            for text in &wanted {
                let name = names::cluster(Some(text));
                match state.clusters.get(&(cx.scope.clone(), name.to_owned())) {
                    Some(row) => clusters.push(shown(self, cx, state, name, row, &include)),
                    None => failures.push(Failure {
                        arn: Some(names::cluster_arn(cx, name).to_string()),
                        reason: Some("MISSING".to_owned()),
                        detail: None,
                    }),
                }
            }
        });
        Ok(DescribeClustersResponse { clusters: Some(clusters), failures: Some(failures) })
    }
}

impl Handle<ListClusters> for Ecs {
    fn permissions(&self, cx: &Cx, _: &ListClustersRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<ListClusters>(names::cluster_arn(cx, "*")).into())
    }

    async fn handle(&self, cx: &Cx, input: ListClustersRequest) -> Result<ListClustersResponse, Fault> {
        let list = Paging::of::<ListClusters>(cx, &input);
        let page = self.store.read(|state| {
            let rows = state.clusters_of(&cx.scope).filter(|(_, row)| row.active);
            list.page_of(list.length(limits::PAGE, limits::PAGE), rows.map(|(name, _)| (name.to_owned(), names::cluster_arn(cx, name).to_string())))
        });
        let page = page.map_err(|_| faults::invalid_token())?;
        Ok(ListClustersResponse { cluster_arns: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<DeleteCluster> for Ecs {
    fn permissions(&self, cx: &Cx, input: &DeleteClusterRequest) -> Result<Permissions, Fault> {
        Ok(Permission::of::<DeleteCluster>(names::cluster_arn(cx, names::cluster(Some(&input.cluster)))).into())
    }

    async fn handle(&self, cx: &Cx, input: DeleteClusterRequest) -> Result<DeleteClusterResponse, Fault> {
        let name = names::cluster(Some(&input.cluster));
        let key = (cx.scope.clone(), name.to_owned());
        self.store.write(|state| {
            let mut row = state.clusters.get(&key).filter(|row| row.active).cloned().ok_or_else(faults::no_such_cluster)?;
            if state.tasks_of(&cx.scope, name).any(|(_, task)| self.runs(task)) {
                return Err(faults::CLUSTER_CONTAINS_TASKS.says("The Cluster cannot be deleted while Tasks are active."));
            }
            row.active = false;
            state.clusters.insert(key.clone(), row.clone());
            Ok(DeleteClusterResponse { cluster: Some(shown(self, cx, state, name, &row, &everything())) })
        })
    }
}
