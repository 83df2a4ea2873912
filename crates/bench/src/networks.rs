//! EC2: rules of groups, pages of many groups, an analysis of a large network; and one decision of the packet filter, without a server.

use crate::{
    client::{Connection, Turn},
    request::Signed,
    scenario::{Bench, CONNECTIONS},
};
use cloudlet_reach::{Cidr, Direction, Flow, Group, GroupRule, Interface, Network, Peer, Ports, allowing};
use std::{
    fmt::Write as _,
    hint::black_box,
    time::{Duration, Instant},
};

/// A region has 2,500 at most, its default one among them. No other case makes groups in these.
const REGIONS: [&str; 4] = ["us-east-2", "us-west-1", "us-west-2", "eu-central-1"];
const GROUPS: usize = 2_499;
const RULES: usize = 60;
const INTERFACES: usize = 10_000;
const DECISIONS: u32 = 1_000_000;

fn call(signed: &Signed, action: &str, parameters: &str) -> Vec<u8> {
    signed.form(&format!("Action={action}&Version=2016-11-15{parameters}"))
}

/// What stands between the tags of a name for the first time.
fn text_of(answer: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(answer);
    let (_, rest) = text.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {text}"));
    rest.split('<').next().unwrap_or_default().to_owned()
}

/// Adds a rule to a group, then takes it away, and so on.
struct OnAndOff {
    requests: [Vec<u8>; 2],
    next: usize,
}

impl Turn for OnAndOff {
    async fn go(&mut self, connection: &mut Connection) {
        connection.call(&self.requests[self.next]).await;
        self.next = 1 - self.next;
    }
}

impl Bench<'_> {
    pub async fn networks(&self, host: &str) {
        if self.includes("EC2 decision") {
            decision();
        }
        self.rules(host).await;
        self.groups(host).await;
        self.analysis(host).await;
    }

    async fn new_group(&self, signed: &Signed, name: &str) -> String {
        let create = call(signed, "CreateSecurityGroup", &format!("&GroupName={name}&GroupDescription=d"));
        text_of(Connection::open(self.server.address).await.call(&create).await, "groupId")
    }

    async fn rules(&self, host: &str) {
        let name = "EC2 Authorize, Revoke";
        if !self.includes(name) {
            return;
        }
        let signed = Signed::new(host, "ec2");
        let mut turns = Vec::new();
        for number in 0..CONNECTIONS {
            let group = self.new_group(&signed, &format!("turn-{number}")).await;
            let rule = format!(
                "&GroupId={group}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=80&IpPermissions.1.ToPort=80&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0%2F0"
            );
            let requests = ["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"].map(|action| call(&signed, action, &rule));
            turns.push(OnAndOff { requests, next: 0 });
        }
        // The bare server answers as many bytes as this does, and the group is left as it was.
        let group = self.new_group(&signed, "sample").await;
        let sample = call(
            &signed,
            "AuthorizeSecurityGroupIngress",
            &format!(
                "&GroupId={group}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=80&IpPermissions.1.ToPort=80&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0%2F0"
            ),
        );
        self.compare_turns(name, &sample, turns).await;
    }

    /// Nearly 10,000 groups with 60 rules each, in four regions.
    async fn groups(&self, host: &str) {
        if !self.includes("EC2 groups") {
            return;
        }
        let began = Instant::now();
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                let mut set = tokio::task::JoinSet::new();
                for worker in 0..CONNECTIONS {
                    let (region, address, host) = (REGIONS[worker % REGIONS.len()], self.server.address, host.to_owned());
                    let share = worker / REGIONS.len();
                    let workers = CONNECTIONS / REGIONS.len();
                    set.spawn_local(async move {
                        let signed = Signed::in_region(&host, "ec2", region);
                        let mut connection = Connection::open(address).await;
                        for number in (share..GROUPS).step_by(workers) {
                            let create = call(&signed, "CreateSecurityGroup", &format!("&GroupName=group-{number}&GroupDescription=d"));
                            let group = text_of(connection.call(&create).await, "groupId");
                            let mut rules =
                                format!("&GroupId={group}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=443&IpPermissions.1.ToPort=443");
                            for rule in 1..=RULES {
                                write!(rules, "&IpPermissions.1.IpRanges.{rule}.CidrIp=10.{}.{rule}.0%2F24", number % 250).expect("text");
                            }
                            connection.call(&call(&signed, "AuthorizeSecurityGroupIngress", &rules)).await;
                        }
                    });
                }
                while let Some(done) = set.join_next().await {
                    done.expect("a worker");
                }
            })
            .await;
        let all = GROUPS * REGIONS.len();
        println!("{all} groups of {RULES} rules: made in {:.1} s; memory {} MB", began.elapsed().as_secs_f64(), self.server.resident() / 1_000_000);
        let signed = Signed::in_region(host, "ec2", REGIONS[1]);
        let page = call(&signed, "DescribeSecurityGroups", "&MaxResults=1000");
        let mut connection = Connection::with_buffer(self.server.address, 32 << 20).await;
        let bytes = connection.call(&page).await.len();
        let id = text_of(
            connection.call(&call(&signed, "DescribeSecurityGroups", "&Filter.1.Name=group-name&Filter.1.Value.1=group-77")).await,
            "groupId",
        );
        let (page_time, id_time) =
            (self.median(&page, 21).await, self.median(&call(&signed, "DescribeSecurityGroups", &format!("&GroupId.1={id}")), 201).await);
        println!(
            "EC2 groups, page of 1000 {:>9.2} ms ({:.1} MB; limit 15); by id {:.3} ms (limit 0.2)",
            ms(page_time),
            bytes as f64 / 1e6,
            ms(id_time)
        );
    }

    async fn median(&self, request: &[u8], times: usize) -> Duration {
        let mut connection = Connection::with_buffer(self.server.address, 32 << 20).await;
        let mut all = Vec::new();
        for _ in 0..times {
            let began = Instant::now();
            connection.call(request).await;
            all.push(began.elapsed());
        }
        all.sort();
        all[times / 2]
    }

    async fn analysis(&self, host: &str) {
        if !self.includes("EC2 analysis") {
            return;
        }
        let signed = Signed::in_region(host, "ec2", "eu-west-1");
        let address = self.server.address;
        let mut connection = Connection::open(address).await;
        let vpc = text_of(connection.call(&call(&signed, "CreateVpc", "&CidrBlock=10.0.0.0%2F16")).await, "vpcId");
        let subnet = text_of(connection.call(&call(&signed, "CreateSubnet", &format!("&VpcId={vpc}&CidrBlock=10.0.0.0%2F17"))).await, "subnetId");
        let began = Instant::now();
        let create = call(&signed, "CreateNetworkInterface", &format!("&SubnetId={subnet}"));
        let mut ends = Vec::new();
        for number in 0..INTERFACES {
            let answer = connection.call(&create).await;
            if number % (INTERFACES - 1) == 0 {
                ends.push(text_of(answer, "networkInterfaceId"));
            }
        }
        println!("{INTERFACES} interfaces: made in {:.1} s", began.elapsed().as_secs_f64());
        let path = format!("&Source={}&Destination={}&Protocol=tcp&DestinationPort=443&ClientToken=bench", ends[0], ends[1]);
        let path = text_of(connection.call(&call(&signed, "CreateNetworkInsightsPath", &path)).await, "networkInsightsPathId");
        let mut all = Vec::new();
        for number in 0..21 {
            let start = call(&signed, "StartNetworkInsightsAnalysis", &format!("&NetworkInsightsPathId={path}&ClientToken=bench-{number}"));
            let began = Instant::now();
            connection.call(&start).await;
            all.push(began.elapsed());
        }
        all.sort();
        println!("EC2 analysis             {:>9.2} ms over {INTERFACES} interfaces (limit 20)", ms(all[10]));
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Five groups of 60 rules each on both sides, half of the rules refer to groups; the packet is let in by the last of them.
fn decision() {
    let mut network = Network::default();
    let ids: Vec<String> = (0..5).map(|number| format!("sg-{number}")).collect();
    let elsewhere: Vec<_> = (0..100).map(|number| network.number_of(&format!("sg-other-{number}"))).collect();
    for (of, id) in ids.iter().enumerate() {
        let rule = |number: usize| GroupRule {
            id: format!("sgr-{number}").as_str().into(),
            protocol: Some(6),
            ports: Ports::Range(443, 443),
            peer: match number % 2 {
                0 => Peer::Group(elsewhere[(of * 7 + number) % elsewhere.len()]),
                _ => Peer::Block(format!("10.{of}.{number}.0/24").parse::<Cidr>().expect("a block")),
            },
        };
        let mut ingress: Vec<GroupRule> = (0..60).map(rule).collect();
        if of == 4 {
            ingress[59].peer = Peer::Block("192.0.2.0/24".parse().expect("a block"));
        }
        network.add_group(Group { id: id.as_str().into(), ingress, egress: vec![] });
    }
    let groups: Vec<_> = ids.iter().map(|id| network.number_of(id)).collect();
    let other = Interface {
        id: "eni-1".into(),
        vpc: "vpc-1".into(),
        subnet: "subnet-1".into(),
        addresses: vec!["192.0.2.7".parse().expect("an address")],
        publics: vec![],
        groups: groups.clone(),
        source_dest_check: true,
        is_up: true,
        nat: None,
    };
    let flow = Flow {
        protocol: 6,
        source: "192.0.2.7".parse().expect("an address"),
        destination: "10.0.0.1".parse().expect("an address"),
        source_port: 49_152,
        destination_port: 443,
    };
    let began = Instant::now();
    for _ in 0..DECISIONS {
        let found = allowing(&network, &groups, Direction::Ingress, black_box(&flow), Some(&other));
        assert!(black_box(found).is_some());
    }
    println!("EC2 decision             {:>9.3} µs over 5 groups of 60 rules (limit 1)", began.elapsed().as_secs_f64() * 1e6 / f64::from(DECISIONS));
}
