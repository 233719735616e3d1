//! The texts: the kernel's table of IPv4 routes, and what `ethtool -S` says.

/// ENA's name of the counter.
const COUNTER: &str = "linklocal_allowance_exceeded";

/// The interface of the default route with the lowest metric in the text of `/proc/net/route`.
pub(super) fn default_interface(routes: &str) -> Option<&str> {
    let default = |line: &'_ str| -> Option<u32> {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let [interface, "00000000", _, flags, _, _, metric, "00000000", ..] = columns.as_slice() else { return None };
        let is_up = u16::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
        // To ethtool, what begins with a dash would be an option.
        if is_up && !interface.starts_with('-') { metric.parse().ok() } else { None }
    };
    let routes = routes.lines().filter_map(|line| Some((default(line)?, line)));
    let (_, line) = routes.min_by_key(|(metric, _)| *metric)?;
    line.split_ascii_whitespace().next()
}

/// Packets to link-local addresses that were dropped because they were too many, as `ethtool -S` tells it of an ENA
/// interface; `None` of another.
pub(super) fn link_local_drops(statistics: &str) -> Option<u64> {
    let counter = |line: &str| line.trim().strip_prefix(COUNTER)?.strip_prefix(':')?.trim().parse().ok();
    statistics.lines().find_map(counter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    #[test]
    fn the_default_route_is_that_with_the_lowest_metric() {
        let text = format!(
            "{HEAD}ens6\t00000000\t0100000A\t0003\t0\t0\t1024\t00000000\t0\t0\t0\n\
             docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
             ens7\t00000000\t0100000A\t0002\t0\t0\t1\t00000000\t0\t0\t0\n\
             -x\t00000000\t0100000A\t0003\t0\t0\t2\t00000000\t0\t0\t0\n\
             ens5\t00000000\t0100000A\t0003\t0\t0\t512\t00000000\t0\t0\t0\n"
        );
        assert_eq!(default_interface(&text), Some("ens5"));
    }

    #[test]
    fn without_a_default_route_there_is_none() {
        for text in ["", HEAD, "ens5 00000000", "ens5\t00000000\t0\t0003\t0\t0\tmany\t00000000\n", "\u{0}\n\n"] {
            assert_eq!(default_interface(text), None, "{text:?}");
        }
        let half = format!("{HEAD}tun0\t00000000\t0\t0003\t0\t0\t0\t00000080\t0\t0\t0\n");
        assert_eq!(default_interface(&half), None, "half of all addresses");
    }

    #[test]
    fn the_counter_is_found_among_the_others() {
        let text = "NIC statistics:\n     tx_timeout: 0\n     conntrack_allowance_exceeded: 3\n     \
                    linklocal_allowance_exceeded: 4711\n     queue_0_tx_cnt: 9\n";
        assert_eq!(link_local_drops(text), Some(4711));
        for text in ["", "no stats available", "linklocal_allowance_exceeded", "linklocal_allowance_exceeded: -1"] {
            assert_eq!(link_local_drops(text), None, "{text}");
        }
        assert_eq!(link_local_drops("x_linklocal_allowance_exceeded: 1\nlinklocal_allowance_exceeded_x: 1\n"), None);
    }
}
