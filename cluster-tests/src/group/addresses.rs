use std::net::Ipv4Addr;

/// Port of the Raft listener of every member.
const RAFT: u16 = 7001;
/// Port of the admin listener of every member.
const ADMIN: u16 = 7002;

/// Where the members of one group listen: the same ports at an address of its own for each, so that a member that is
/// started again is where it was.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// The network; the last byte is the member.
    network: [u8; 3],
}

impl Addresses {
    /// On the loopback device, in a network that no other test uses, most likely.
    pub fn loopback(random: &mut fastrand::Rng) -> Self {
        Self { network: [127, random.u8(64..=250), random.u8(1..=250)] }
    }

    /// In namespaces of their own.
    pub fn namespaces() -> Self {
        Self { network: [10, 99, 7] }
    }

    /// Of a member, counted from 1.
    pub fn ip(self, member: u8) -> Ipv4Addr {
        let [a, b, c] = self.network;
        Ipv4Addr::new(a, b, c, member)
    }

    /// Whether nothing leaves the machine's loopback device.
    pub fn are_loopback(self) -> bool {
        self.network[0] == 127
    }

    pub fn raft(self, member: u8) -> String {
        format!("{}:{RAFT}", self.ip(member))
    }

    pub fn admin(self, member: u8) -> String {
        format!("{}:{ADMIN}", self.ip(member))
    }
}
