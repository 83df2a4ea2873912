//! Regions and availability zones.
//! <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>
//! <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html>

/// Name, in words, what the ids of its zones begin with, the letters of its zones, and whether an account must opt in.
pub struct KnownRegion {
    pub name: &'static str,
    pub words: &'static str,
    pub zone_prefix: &'static str,
    /// Letter and number: which number a letter has differs between accounts at AWS, and is fixed here.
    pub zones: &'static [(char, u8)],
    pub opt_in: bool,
}

const fn region(name: &'static str, words: &'static str, zone_prefix: &'static str, zones: &'static [(char, u8)], opt_in: bool) -> KnownRegion {
    KnownRegion { name, words, zone_prefix, zones, opt_in }
}

const ABC: &[(char, u8)] = &[('a', 1), ('b', 2), ('c', 3)];

pub const REGIONS: [KnownRegion; 36] = [
    region("af-south-1", "Africa (Cape Town)", "afs1", ABC, true),
    region("ap-east-1", "Asia Pacific (Hong Kong)", "ape1", ABC, true),
    region("ap-east-2", "Asia Pacific (Taipei)", "ape2", ABC, true),
    region("ap-northeast-1", "Asia Pacific (Tokyo)", "apne1", &[('a', 4), ('c', 1), ('d', 2)], false),
    region("ap-northeast-2", "Asia Pacific (Seoul)", "apne2", &[('a', 1), ('b', 2), ('c', 3), ('d', 4)], false),
    region("ap-northeast-3", "Asia Pacific (Osaka)", "apne3", &[('a', 3), ('b', 1), ('c', 2)], false),
    region("ap-south-1", "Asia Pacific (Mumbai)", "aps1", &[('a', 1), ('b', 3), ('c', 2)], false),
    region("ap-south-2", "Asia Pacific (Hyderabad)", "aps2", ABC, true),
    region("ap-southeast-1", "Asia Pacific (Singapore)", "apse1", ABC, false),
    region("ap-southeast-2", "Asia Pacific (Sydney)", "apse2", ABC, false),
    region("ap-southeast-3", "Asia Pacific (Jakarta)", "apse3", ABC, true),
    region("ap-southeast-4", "Asia Pacific (Melbourne)", "apse4", ABC, true),
    region("ap-southeast-5", "Asia Pacific (Malaysia)", "apse5", ABC, true),
    region("ap-southeast-6", "Asia Pacific (New Zealand)", "apse6", ABC, true),
    region("ap-southeast-7", "Asia Pacific (Thailand)", "apse7", ABC, true),
    region("ca-central-1", "Canada (Central)", "cac1", &[('a', 1), ('b', 2), ('d', 4)], false),
    region("ca-west-1", "Canada West (Calgary)", "caw1", ABC, true),
    region("cn-north-1", "China (Beijing)", "cnn1", ABC, false),
    region("cn-northwest-1", "China (Ningxia)", "cnnw1", ABC, false),
    region("eu-central-1", "Europe (Frankfurt)", "euc1", &[('a', 2), ('b', 3), ('c', 1)], false),
    region("eu-central-2", "Europe (Zurich)", "euc2", ABC, true),
    region("eu-north-1", "Europe (Stockholm)", "eun1", ABC, false),
    region("eu-south-1", "Europe (Milan)", "eus1", ABC, true),
    region("eu-south-2", "Europe (Spain)", "eus2", ABC, true),
    region("eu-west-1", "Europe (Ireland)", "euw1", ABC, false),
    region("eu-west-2", "Europe (London)", "euw2", &[('a', 2), ('b', 3), ('c', 1)], false),
    region("eu-west-3", "Europe (Paris)", "euw3", ABC, false),
    region("il-central-1", "Israel (Tel Aviv)", "ilc1", ABC, true),
    region("me-central-1", "Middle East (UAE)", "mec1", ABC, true),
    region("me-south-1", "Middle East (Bahrain)", "mes1", ABC, true),
    region("mx-central-1", "Mexico (Central)", "mxc1", ABC, true),
    region("sa-east-1", "South America (Sao Paulo)", "sae1", ABC, false),
    region("us-east-1", "US East (N. Virginia)", "use1", &[('a', 6), ('b', 1), ('c', 2), ('d', 4), ('e', 3), ('f', 5)], false),
    region("us-east-2", "US East (Ohio)", "use2", ABC, false),
    region("us-west-1", "US West (N. California)", "usw1", &[('a', 3), ('b', 1)], false),
    region("us-west-2", "US West (Oregon)", "usw2", &[('a', 2), ('b', 1), ('c', 3), ('d', 4)], false),
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub name: String,
    pub id: String,
}

pub fn known(region: &str) -> Option<&'static KnownRegion> {
    REGIONS.iter().find(|known| known.name == region)
}

/// The zones of a region. One that is not in the table has three.
pub fn of(region: &str) -> Vec<Zone> {
    let (prefix, zones) = match known(region) {
        Some(known) => (known.zone_prefix.to_owned(), known.zones),
        None => (short(region), ABC),
    };
    zones.iter().map(|(letter, number)| Zone { name: format!("{region}{letter}"), id: format!("{prefix}-az{number}") }).collect()
}

pub fn id_of(region: &str, zone: &str) -> Option<String> {
    of(region).into_iter().find(|known| known.name == zone).map(|known| known.id)
}

/// `us-gov-west-1` is `usgw1`.
fn short(region: &str) -> String {
    let mut words = region.split('-');
    let first = words.next().unwrap_or_default();
    first.chars().chain(words.filter_map(|word| word.chars().next())).collect()
}
