//! What EC2 and the packet filter parse themselves: blocks of addresses, files of packets, ports and protocols of rules, filters, entries of
//! network ACLs. The first byte selects one. Any input is accepted or refused, and never a 5xx but for what is not built.
#![no_main]

use cloudlet_api_ec2::*;
use cloudlet_aws::Fault;
use cloudlet_cloud::Mode;
use cloudlet_reach::{Cidr, read_packets};
use cloudlet_shape::Operation;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

/// After this many inputs the cloud is built anew.
const AGE: u32 = 10_000;

struct TestCloud {
    cloud: cloudlet_testing::TestCloud,
    runtime: tokio::runtime::Runtime,
    group: String,
    acl: String,
    age: u32,
}

fn call<O: Operation>(runtime: &tokio::runtime::Runtime, cloud: &cloudlet_testing::TestCloud, input: O::Input) -> Result<O::Output, Fault> {
    let answer = runtime.block_on(cloud.call::<O>(input));
    if let Err(fault) = &answer {
        assert!(fault.status() < 500 || fault.name() == "NotImplemented", "{}: {fault:?}", O::SCHEMA.name);
    }
    answer
}

impl TestCloud {
    fn new() -> TestCloud {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let builder = cloudlet_testing::TestCloud::builder().service(|parts| cloudlet_ec2::service(&parts.journal));
        let cloud = builder.mode(Mode::Off).calls(0).build();
        let made = CreateSecurityGroupRequest { group_name: "a".into(), description: "a".into(), ..Default::default() };
        let group = call::<CreateSecurityGroup>(&runtime, &cloud, made).unwrap().group_id.unwrap();
        let acls = call::<DescribeNetworkAcls>(&runtime, &cloud, DescribeNetworkAclsRequest::default()).unwrap();
        let acl = acls.network_acls.unwrap().remove(0).network_acl_id.unwrap();
        TestCloud { cloud, runtime, group, acl, age: 0 }
    }

    fn call<O: Operation>(&self, input: O::Input) -> Result<O::Output, Fault> {
        call::<O>(&self.runtime, &self.cloud, input)
    }

    /// A rule that is accepted is shown, and can be revoked by what is shown.
    fn rule(&self, words: &[&str]) {
        let word = |index: usize| words.get(index).map(|word| (*word).to_owned());
        let number = |index: usize| words.get(index).and_then(|word| word.parse().ok());
        let permission = IpPermission {
            ip_protocol: word(0),
            from_port: number(1),
            to_port: number(2),
            ip_ranges: word(3).map(|cidr| vec![IpRange { cidr_ip: Some(cidr), description: word(5) }]),
            ipv6_ranges: word(4).map(|cidr| vec![Ipv6Range { cidr_ipv6: Some(cidr), description: None }]),
            ..Default::default()
        };
        let group = Some(self.group.clone());
        let add = AuthorizeSecurityGroupIngressRequest { group_id: group.clone(), ip_permissions: Some(vec![permission]), ..Default::default() };
        if self.call::<AuthorizeSecurityGroupIngress>(add).is_err() {
            return;
        }
        let shown = DescribeSecurityGroupsRequest { group_ids: Some(vec![self.group.clone()]), ..Default::default() };
        let shown = self.call::<DescribeSecurityGroups>(shown).unwrap().security_groups.unwrap().remove(0).ip_permissions;
        let revoke = RevokeSecurityGroupIngressRequest { group_id: group, ip_permissions: shown, ..Default::default() };
        self.call::<RevokeSecurityGroupIngress>(revoke).unwrap();
    }
}

thread_local! {
    static CLOUD: RefCell<TestCloud> = RefCell::new(TestCloud::new());
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    CLOUD.with_borrow_mut(|cloud| {
        cloud.age += 1;
        if cloud.age > AGE {
            *cloud = TestCloud::new();
        }
        let words: Vec<&str> = text.split(' ').collect();
        let word = |index: usize| words.get(index).map(|word| (*word).to_owned());
        match choice % 6 {
            0 => {
                if let Ok(cidr) = text.parse::<Cidr>() {
                    assert_eq!(cidr.to_string().parse(), Ok(cidr));
                    assert!(cidr.contains(cidr.first()) && cidr.contains(cidr.last()));
                }
            }
            1 => {
                if let Ok(packets) = read_packets(text, 100) {
                    assert!(packets.iter().all(|packet| packet.flow.reversed().source == packet.flow.destination));
                }
            }
            2 => cloud.rule(&words),
            3 => {
                let filter = Filter { name: word(0), values: Some(words.iter().skip(1).map(|word| (*word).to_owned()).collect()) };
                let _ = cloud.call::<DescribeSubnets>(DescribeSubnetsRequest { filters: Some(vec![filter.clone()]), ..Default::default() });
                let _ = cloud.call::<DescribeSecurityGroups>(DescribeSecurityGroupsRequest { filters: Some(vec![filter]), ..Default::default() });
            }
            4 => {
                let number = |index: usize| words.get(index).and_then(|word| word.parse().ok());
                let entry = CreateNetworkAclEntryRequest {
                    network_acl_id: cloud.acl.clone(),
                    rule_number: number(0).unwrap_or(1),
                    protocol: word(1).unwrap_or_default(),
                    rule_action: "deny".into(),
                    egress: false,
                    cidr_block: word(2),
                    ipv6_cidr_block: word(5),
                    port_range: Some(PortRange { from: number(3), to: number(4) }),
                    icmp_type_code: Some(IcmpTypeCode { r#type: number(3), code: number(4) }),
                    ..Default::default()
                };
                let (rule_number, network_acl_id) = (entry.rule_number, entry.network_acl_id.clone());
                if cloud.call::<CreateNetworkAclEntry>(entry).is_ok() {
                    let delete = DeleteNetworkAclEntryRequest { network_acl_id, rule_number, egress: false, dry_run: None };
                    cloud.call::<DeleteNetworkAclEntry>(delete).unwrap();
                }
            }
            _ => {
                let create = CreateVpcRequest { cidr_block: Some(text.to_owned()), ..Default::default() };
                if let Ok(made) = cloud.call::<CreateVpc>(create) {
                    let vpc_id = made.vpc.unwrap().vpc_id.unwrap();
                    cloud.call::<DeleteVpc>(DeleteVpcRequest { vpc_id, dry_run: None }).unwrap();
                }
            }
        }
    });
});
