use crate::read_packets;

#[test]
fn packets_are_read_or_their_line_is_named() {
    let text = "# a comment\ntcp 10.0.0.1 10.0.0.2 40000 443 # more\n\nudp ::1 ::2\nicmp 10.0.0.1 10.0.0.2 8 0 100\n47 10.0.0.1 10.0.0.2\n";
    let packets = read_packets(text, 10).unwrap();
    let ports: Vec<_> =
        packets.iter().map(|packet| (packet.flow.protocol, packet.flow.source_port, packet.flow.destination_port, packet.bytes)).collect();
    assert_eq!(ports, [(6, 40_000, 443, 40), (17, 49_152, 0, 40), (1, 8, 0, 100), (47, 49_152, 0, 40)]);
    for (text, why) in [
        ("tcp 10.0.0.1", "line 1: the destination is missing"),
        ("\nxyz 10.0.0.1 10.0.0.2", "line 2: 'xyz' is no protocol"),
        ("tcp 10.0.0.1 ::1", "line 1: source and destination are of two families"),
        ("tcp 10.0.0.1 10.0.0.2 70000", "line 1: '70000' is no number up to 65535"),
        ("tcp 1.1.1.1 2.2.2.2 1 2 3 4", "line 1: '4' is too much"),
        ("tcp 1.1.1.1 2.2.2.2\ntcp 1.1.1.1 2.2.2.2\ntcp 1.1.1.1 2.2.2.2", "line 3: more than 2 packets"),
    ] {
        assert_eq!(read_packets(text, 2).unwrap_err(), why);
    }
}
