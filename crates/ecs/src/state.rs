//! The tables of ECS.

use cloudlet_api_ecs::{ClusterConfiguration, ClusterSetting, Tag, TaskDefinition, TaskOverride};
use cloudlet_aws::{Scope, Timestamp};
use cloudlet_engine::StoredShape;
use cloudlet_store::{Table, tables};
use serde::{Deserialize, Serialize};
use std::ops::Bound;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cluster {
    pub configuration: Option<StoredShape<ClusterConfiguration>>,
    pub settings: Vec<StoredShape<ClusterSetting>>,
    pub tags: Vec<StoredShape<Tag>>,
    pub active: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Definition {
    pub shape: StoredShape<TaskDefinition>,
    pub tags: Vec<StoredShape<Tag>>,
    pub active: bool,
    pub deregistered: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Container {
    /// The last part of its ARN.
    pub id: String,
    pub name: String,
    pub image: String,
    pub runtime: String,
    pub essential: bool,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
    pub over: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stopped {
    pub at: Timestamp,
    pub code: String,
    pub reason: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    pub definition: String,
    pub family: String,
    pub containers: Vec<Container>,
    pub executes: bool,
    pub started_by: Option<String>,
    pub group: String,
    pub launch_type: String,
    pub overrides: StoredShape<TaskOverride>,
    pub tags: Vec<StoredShape<Tag>>,
    pub created: Timestamp,
    pub stopped: Option<Stopped>,
    pub version: i64,
}

pub type ClusterKey = (Scope, String);
/// Of a cluster.
pub type TaskKey = (Scope, String, String);
/// A family and a revision.
pub type DefinitionKey = (Scope, String, i32);

#[derive(Default)]
pub struct State {
    pub clusters: Table<ClusterKey, Cluster>,
    pub definitions: Table<DefinitionKey, Definition>,
    pub tasks: Table<TaskKey, Task>,
    /// Tasks that were run under a client's token.
    pub tokens: Table<(Scope, String), Vec<TaskKey>>,
}

tables!(State { clusters, definitions, tasks, tokens });

impl State {
    pub fn clusters_of<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (&'s str, &'s Cluster)> {
        let from = (Bound::Included((scope.clone(), String::new())), Bound::Unbounded);
        self.clusters.range(from).take_while(move |((of, _), _)| of == scope).map(|((_, name), row)| (name.as_str(), row))
    }

    pub fn tasks_of<'s>(&'s self, scope: &'s Scope, cluster: &'s str) -> impl Iterator<Item = (&'s TaskKey, &'s Task)> {
        let from = (Bound::Included((scope.clone(), cluster.to_owned(), String::new())), Bound::Unbounded);
        self.tasks.range(from).take_while(move |((of, name, _), _)| of == scope && name == cluster)
    }

    pub fn definitions_of<'s>(&'s self, scope: &'s Scope, family: &'s str) -> impl Iterator<Item = (&'s DefinitionKey, &'s Definition)> {
        let from = (Bound::Included((scope.clone(), family.to_owned(), 0)), Bound::Unbounded);
        self.definitions.range(from).take_while(move |((of, name, _), _)| of == scope && name == family)
    }

    pub fn all_definitions<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (&'s DefinitionKey, &'s Definition)> {
        let from = (Bound::Included((scope.clone(), String::new(), 0)), Bound::Unbounded);
        self.definitions.range(from).take_while(move |((of, _, _), _)| of == scope)
    }

    /// A definition by its family and revision; the latest active one without a revision.
    pub fn definition(&self, scope: &Scope, family: &str, revision: Option<i32>) -> Option<(DefinitionKey, Definition)> {
        let found = match revision {
            Some(revision) => {
                self.definitions.get(&(scope.clone(), family.to_owned(), revision)).map(|row| ((scope.clone(), family.to_owned(), revision), row))
            }
            None => self.definitions_of(scope, family).filter(|(_, row)| row.active).last().map(|(key, row)| (key.clone(), row)),
        };
        found.map(|(key, row)| (key, row.clone()))
    }
}
