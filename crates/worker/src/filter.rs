//! The system calls that a worker's code is refused: those that change the machine, look into other processes, or open parts of the kernel
//! that no function needs. Everything else is allowed, as interpreters and libraries use more calls than any list knows.

use seccompiler::{BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch};
use std::collections::BTreeMap;

/// The flags of `clone` that make namespaces (clone(2)).
const NAMESPACES: [u64; 7] = [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];
const NOT_PERMITTED: u32 = 1;
const NO_SUCH_CALL: u32 = 38;

#[cfg(target_arch = "x86_64")]
mod calls {
    pub const CLONE: i64 = 56;
    /// Its flags are in memory, where a filter cannot look: libraries go back to `clone` when it is not there.
    pub const CLONE3: i64 = 435;
    /// ptrace, syslog, personality, pivot_root, adjtimex, chroot, acct, settimeofday, mount, umount2, swapon, swapoff, reboot,
    /// sethostname, setdomainname, iopl, ioperm, init_module, delete_module, quotactl, lookup_dcookie, clock_settime, kexec_load, add_key,
    /// request_key, keyctl, migrate_pages, unshare, move_pages, perf_event_open, fanotify_init, name_to_handle_at, open_by_handle_at,
    /// clock_adjtime, setns, process_vm_readv, process_vm_writev, kcmp, finit_module, kexec_file_load, bpf, userfaultfd,
    /// io_uring_setup, io_uring_enter, io_uring_register, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, pidfd_getfd,
    /// mount_setattr, quotactl_fd.
    pub const REFUSED: [i64; 54] = [
        101, 103, 135, 155, 159, 161, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172, 173, 175, 176, 179, 212, 227, 246, 248, 249, 250, 256, 272,
        279, 298, 300, 303, 304, 305, 308, 310, 311, 312, 313, 320, 321, 323, 425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442, 443,
    ];
}

#[cfg(target_arch = "aarch64")]
mod calls {
    pub const CLONE: i64 = 220;
    pub const CLONE3: i64 = 435;
    /// The same calls under their numbers here.
    pub const REFUSED: [i64; 51] = [
        18, 39, 40, 41, 51, 60, 89, 92, 97, 104, 105, 106, 112, 116, 117, 142, 161, 162, 170, 171, 217, 218, 219, 224, 225, 238, 239, 241, 262, 264,
        265, 266, 268, 270, 271, 272, 273, 280, 282, 294, 425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442,
    ];
}

fn program() -> Result<Vec<BpfProgram>, seccompiler::Error> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> = calls::REFUSED.iter().map(|call| (*call, vec![])).collect();
    let mut with_namespaces = Vec::new();
    for flag in NAMESPACES {
        let condition = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(flag), flag)?;
        with_namespaces.push(SeccompRule::new(vec![condition])?);
    }
    refused.insert(calls::CLONE, with_namespaces);
    let missing = BTreeMap::from([(calls::CLONE3, vec![])]);
    let one = |calls, number| -> Result<BpfProgram, seccompiler::Error> {
        let filter = SeccompFilter::new(calls, SeccompAction::Allow, SeccompAction::Errno(number), arch)?;
        Ok(BpfProgram::try_from(filter)?)
    };
    Ok(vec![one(missing, NO_SUCH_CALL)?, one(refused, NOT_PERMITTED)?])
}

/// For this process and all that it becomes or starts. It can take no privileges any more (`no_new_privs`).
pub fn apply() -> Result<(), String> {
    let programs = program().map_err(|error| error.to_string())?;
    programs.iter().try_for_each(|program| seccompiler::apply_filter(program).map_err(|error| error.to_string()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_filter_can_be_made() {
        let programs = super::program().unwrap();
        assert!(programs.iter().all(|program| !program.is_empty()));
    }
}
