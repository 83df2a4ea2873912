//! Finding managed nodes of an account in a region.

use super::{
    AGENT_VERSION, LOCAL, NodeOptions, Nodes,
    rows::{AgentInformation, Registered},
};
use cloudlet_api_ec2::{self as ec2, DescribeInstances, DescribeInstancesRequest};
use cloudlet_aws::{Arn, Caller, Fault, Scope, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use std::sync::Arc;

/// Where a node comes from.
#[derive(Clone, Debug)]
pub enum Source {
    Ec2(Box<ec2::Instance>),
    Activation {
        id: String,
        role: String,
    },
    /// The server's own.
    Local,
}

#[derive(Clone, Debug)]
pub struct ManagedNode {
    pub id: String,
    pub arn: Arn,
    pub source: Source,
    pub name: Option<String>,
    pub computer_name: String,
    pub address: Option<String>,
    pub registered: Timestamp,
    pub is_online: bool,
    /// Its commands and sessions are for an agent.
    pub is_elsewhere: bool,
    /// What its agent has said.
    pub agent: Option<AgentInformation>,
    pub tags: Map<String>,
}

/// The platform of nodes whose agent says nothing else.
const PLATFORM: &str = "Linux";

impl ManagedNode {
    fn said(&self, of: fn(&AgentInformation) -> &Option<Arc<str>>) -> Option<String> {
        self.agent.as_ref().and_then(|agent| of(agent).as_deref().map(str::to_owned))
    }

    pub fn agent_version(&self) -> String {
        self.said(|agent| &agent.version).unwrap_or_else(|| AGENT_VERSION.to_owned())
    }

    pub fn platform_type(&self) -> String {
        self.said(|agent| &agent.platform_type).unwrap_or_else(|| PLATFORM.to_owned())
    }

    pub fn platform_name(&self, options: &NodeOptions) -> Option<String> {
        if self.is_elsewhere { self.said(|agent| &agent.platform_name) } else { options.platform_name.clone() }
    }

    pub fn platform_version(&self, options: &NodeOptions) -> Option<String> {
        if self.is_elsewhere { self.said(|agent| &agent.platform_version) } else { options.platform_version.clone() }
    }

    /// When it was last heard of. What runs here is heard of all the time.
    pub fn last_ping(&self, now: Timestamp) -> Option<Timestamp> {
        if self.is_elsewhere { self.agent.as_ref().map(|agent| agent.at) } else { Some(now) }
    }

    pub fn ping_status(&self) -> &'static str {
        if self.is_online { "Online" } else { "ConnectionLost" }
    }

    pub fn resource_type(&self) -> &'static str {
        if matches!(self.source, Source::Ec2(_)) { "EC2Instance" } else { "ManagedInstance" }
    }
}

/// How many instances are read at once.
const PAGE: i32 = 1_000;

impl Nodes {
    /// All of them, by id.
    pub async fn all(&self, cx: &Cx) -> Result<Vec<ManagedNode>, Fault> {
        let mut nodes = self.of_ec2(cx, None).await?;
        nodes.extend(self.others(cx));
        nodes.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(nodes)
    }

    /// The node of an id.
    pub async fn find(&self, cx: &Cx, id: &str) -> Result<Option<ManagedNode>, Fault> {
        if id.starts_with("mi-") {
            return Ok(self.others(cx).into_iter().find(|node| node.id == id));
        }
        Ok(self.of_ec2(cx, Some(vec![id.to_owned()])).await?.into_iter().next())
    }

    /// The nodes of these ids that there are.
    pub async fn found(&self, cx: &Cx, ids: &[String]) -> Result<Vec<ManagedNode>, Fault> {
        let mut nodes: Vec<ManagedNode> = self.others(cx).into_iter().filter(|node| ids.contains(&node.id)).collect();
        let of_ec2: Vec<String> = ids.iter().filter(|id| id.starts_with("i-")).cloned().collect();
        if !of_ec2.is_empty() {
            nodes.extend(self.of_ec2(cx, Some(of_ec2)).await?);
        }
        Ok(nodes)
    }

    fn others(&self, cx: &Cx) -> Vec<ManagedNode> {
        let scope = &cx.scope;
        let mut nodes: Vec<ManagedNode> =
            self.store.read(|state| state.registered_of(scope).map(|(id, row)| self.of_registered(scope, id, row)).collect());
        if self.options.local.as_ref() == Some(scope) {
            let tags = self.store.read(|state| state.local_tags.get(scope).cloned()).unwrap_or_default();
            nodes.push(ManagedNode {
                id: LOCAL.to_owned(),
                arn: managed_arn(scope, LOCAL),
                source: Source::Local,
                name: Some("local".to_owned()),
                computer_name: "cloudlet".to_owned(),
                address: Some("127.0.0.1".to_owned()),
                registered: cx.now,
                is_online: true,
                is_elsewhere: false,
                agent: None,
                tags,
            });
        }
        nodes
    }

    /// Instances with an instance profile. Systems Manager looks at them by itself: the caller needs no permission for that.
    async fn of_ec2(&self, cx: &Cx, ids: Option<Vec<String>>) -> Result<Vec<ManagedNode>, Fault> {
        let (mut nodes, mut token) = (Vec::new(), None);
        let filter = ids.map(|ids| ec2::Filter { name: Some("instance-id".to_owned()), values: Some(ids) });
        loop {
            let input = DescribeInstancesRequest {
                filters: filter.clone().map(|filter| vec![filter]),
                next_token: token,
                max_results: Some(PAGE),
                ..DescribeInstancesRequest::default()
            };
            let root = Caller::root(cx.scope.account, cx.scope.partition(), None);
            let page = match Box::pin(cx.call::<DescribeInstances>(root, cx.scope.clone(), input)).await {
                Ok(page) => page,
                // A server without EC2 has no such nodes.
                Err(fault) if fault.status() >= 500 => return Ok(nodes),
                Err(fault) => return Err(fault),
            };
            let instances = page.reservations.unwrap_or_default().into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default());
            nodes.extend(instances.filter_map(|instance| of_instance(&cx.scope, instance)));
            token = page.next_token;
            if token.is_none() {
                return Ok(nodes);
            }
        }
    }
}

pub fn managed_arn(scope: &Scope, id: &str) -> Arn {
    Arn::new("ssm", scope, &format!("managed-instance/{id}"))
}

impl Nodes {
    /// A registered machine of any account.
    pub fn registered(&self, id: &str) -> Option<(Scope, Arc<Registered>)> {
        self.store.read(|state| {
            let mut rows = state.registered.iter();
            rows.find(|((_, known), _)| **known == *id).map(|((scope, _), row)| (scope.clone(), row.clone()))
        })
    }

    pub fn registered_here(&self, scope: &Scope, id: &str) -> Option<Arc<Registered>> {
        self.store.read(|state| state.registered.get(&(scope.clone(), Arc::from(id))).cloned())
    }

    /// Changes the row of a registered machine, if there is one.
    pub fn change(&self, scope: &Scope, id: &str, change: impl FnOnce(&mut Registered)) {
        let place = (scope.clone(), Arc::from(id));
        self.store.update(|state| {
            if let Some(row) = state.registered.get(&place) {
                let mut changed = (**row).clone();
                change(&mut changed);
                state.registered.insert(place, Arc::new(changed));
            }
        });
    }

    fn of_registered(&self, scope: &Scope, id: &str, row: &Registered) -> ManagedNode {
        let is_elsewhere = row.is_elsewhere();
        let said = |of: fn(&AgentInformation) -> &Option<Arc<str>>| row.agent.as_ref().and_then(|agent| of(agent).as_deref().map(str::to_owned));
        ManagedNode {
            computer_name: said(|agent| &agent.computer_name).unwrap_or_else(|| computer_name(id, row)),
            address: said(|agent| &agent.address).or_else(|| (!is_elsewhere).then(|| "127.0.0.1".to_owned())),
            is_online: !is_elsewhere || self.agents.of(id).is_some_and(|agent| agent.of.scope == *scope),
            is_elsewhere,
            agent: row.agent.clone(),
            id: id.to_owned(),
            arn: managed_arn(scope, id),
            source: Source::Activation { id: row.activation.to_string(), role: row.role.to_string() },
            name: row.name.as_deref().map(str::to_owned),
            registered: row.at,
            tags: row.tags.clone(),
        }
    }
}

fn computer_name(id: &str, row: &Registered) -> String {
    row.name.as_deref().filter(|name| is_hostname(name)).unwrap_or(id).to_owned()
}

fn is_hostname(name: &str) -> bool {
    (1..=63).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// AWS: an instance whose profile allows nothing of Systems Manager is no node; here any profile will do.
fn of_instance(scope: &Scope, instance: ec2::Instance) -> Option<ManagedNode> {
    instance.iam_instance_profile.as_ref()?;
    let id = instance.instance_id.clone()?;
    let state = instance.state.as_ref().and_then(|state| state.name.as_deref()).unwrap_or_default();
    if matches!(state, "pending" | "terminated" | "shutting-down") {
        return None;
    }
    let tags: Map<String> =
        instance.tags.iter().flatten().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()))).collect();
    let dns = instance.private_dns_name.clone().filter(|name| !name.is_empty());
    Some(ManagedNode {
        arn: Arn::new("ec2", scope, &format!("instance/{id}")),
        name: tags.get("Name").cloned(),
        computer_name: dns.unwrap_or_else(|| id.clone()),
        address: instance.private_ip_address.clone(),
        registered: instance.launch_time.unwrap_or_default(),
        is_online: state == "running",
        is_elsewhere: false,
        agent: None,
        tags,
        id,
        source: Source::Ec2(Box::new(instance)),
    })
}
