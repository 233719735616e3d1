//! Every metric that we export, in one table: its name, what it is, and its labels.
//!
//! README's list and the dashboards are checked against [`TABLE`]; nothing is exported that is not in it.

/// How a value behaves over time, in the words of the Prometheus text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Distribution over fixed buckets.
    Histogram,
}

/// One line of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Full name, with unit and `_total` as the Prometheus conventions want them.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Names of its labels, in the order of the values.
    pub labels: &'static [&'static str],
}

const fn metric(name: &'static str, kind: Kind, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, help, kind, labels }
}

macro_rules! table {
    ($($ident:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(#[doc = $help] pub static $ident: Metric = metric($name, Kind::$kind, &[$($label),*], $help);)*
        /// The whole table, in the order in which it is exported.
        pub static TABLE: &[&Metric] = &[$(&$ident),*];
    };
}

table! {
    BUILD_INFO = Gauge "ecs_resolver_build_info" ["version"]
        "Always 1; the label tells the version.";
    DNS_REQUESTS = Counter "ecs_resolver_dns_requests_total" ["proto", "type"]
        "Plain questions received, by transport (udp, tcp) and record type.";
    DNS_RESPONSES = Counter "ecs_resolver_dns_responses_total" ["rcode"]
        "Replies, by response code.";
    DNS_ANSWERS = Counter "ecs_resolver_dns_answers_total" ["source"]
        "Replies, by where they came from: zone (ECS, names that nobody has, and special, listed and blocked ones), records (of the configuration), route53, cache, upstream, handler (what is not a plain IN question), error.";
    DNS_TRUNCATED = Counter "ecs_resolver_dns_truncated_total" []
        "Replies with TC set.";
    DNS_DROPPED = Counter "ecs_resolver_dns_dropped_total" ["reason"]
        "Messages and connections that got no reply, and questions refused for lack of room or for a fault, by reason: no_query, busy and share (too many questions under way, of all or of one client), unsendable, unreceivable, connection, framing, slow, descriptors (of TCP), denied, rate (access), fault (ours).";
    DNS_TURNED_AWAY = Counter "ecs_resolver_dns_turned_away_total" ["how"]
        "Clients that were told something else than an answer: refused (they may not ask); truncated, bad_cookie (they ask too often: to come over TCP, or with a cookie).";
    DNS_COOKIES = Counter "ecs_resolver_dns_cookies_total" ["cookie"]
        "Questions with DNS cookies: new (of a client that had none of ours), valid, bad.";
    DNS_DURATION = Histogram "ecs_resolver_dns_request_duration_seconds" []
        "Time from the receipt of a question to its reply.";
    DNS_TCP_CONNECTIONS = Gauge "ecs_resolver_dns_tcp_connections" []
        "Open TCP connections of clients.";
    DNS_RECEIVE_BUFFER = Gauge "ecs_resolver_dns_receive_buffer_bytes" ["address"]
        "Bytes that the receive buffers of an address hold together while nobody reads them, as over a restart; a small query takes 832.";
    FORWARD_REQUESTS = Counter "ecs_resolver_forward_requests_total" ["proto"]
        "Queries sent to upstreams, tries included, by transport (udp, tcp, tls), and probes of upstreams.";
    FORWARD_FAILURES = Counter "ecs_resolver_forward_failures_total" ["reason"]
        "What went wrong with upstreams, by reason: timeout, unreachable, error (of a try); failed: no upstream answered; held: not asked because it had just failed; too_many, over_share: turned away; rebind: withheld for a private address; zero_ttl: passed on but not kept.";
    FORWARD_REJECTED = Counter "ecs_resolver_forward_rejected_total" ["reason"]
        "What came from upstreams and was not taken, by reason: short, oversized, wrong_id (forged or late), not_a_response, wrong_question, wrong_case, unreadable, cname_loop, unrelated, referral.";
    FORWARD_RETRIES = Counter "ecs_resolver_forward_retries_total" ["kind"]
        "Queries sent again, by kind: hedged (an earlier one was still awaited), without_edns.";
    FORWARD_SHED = Counter "ecs_resolver_forward_shed_total" ["how"]
        "Questions that met an exhausted forward.rate: given a stale answer, waited, refused.";
    FORWARD_DOWNS = Counter "ecs_resolver_forward_upstream_failures_total" ["kind"]
        "Times that an upstream was found to be down, or to lead back to us (loop).";
    FORWARD_UP = Gauge "ecs_resolver_forward_upstream_up" ["upstream"]
        "Whether an upstream is believed to answer: 1 or 0.";
    FORWARD_RTT = Gauge "ecs_resolver_forward_upstream_rtt_seconds" ["upstream"]
        "Smoothed time that an upstream takes to answer; absent until it has.";
    FORWARD_COALESCED = Counter "ecs_resolver_forward_coalesced_total" []
        "Questions that joined an equal one that was under way.";
    FORWARD_DURATION = Histogram "ecs_resolver_forward_request_duration_seconds" []
        "Time until an upstream answered, tries included.";
    FORWARD_IN_FLIGHT = Gauge "ecs_resolver_forward_in_flight" []
        "Questions that upstreams are being asked.";
    CACHE_HITS = Counter "ecs_resolver_cache_hits_total" []
        "Questions answered from the cache of forwarded answers.";
    CACHE_MISSES = Counter "ecs_resolver_cache_misses_total" []
        "Questions that the cache of forwarded answers had no fresh answer for.";
    CACHE_STALE = Counter "ecs_resolver_cache_stale_total" []
        "Questions answered with a stale answer because no upstream answered.";
    CACHE_RENEWED = Counter "ecs_resolver_cache_renewed_total" []
        "Popular answers that were renewed before their time was over.";
    CACHE_ENTRIES = Gauge "ecs_resolver_cache_entries" []
        "Answers in the cache of forwarded answers.";
    CACHE_BYTES = Gauge "ecs_resolver_cache_bytes" []
        "Memory of the cache of forwarded answers.";
    CONFIG_RELOADS = Counter "ecs_resolver_config_reloads_total" ["result"]
        "Configurations read at SIGHUP, by result: applied, refused (it had faults, and the old one holds).";
    LINK_LOCAL_DROPS = Counter "ecs_resolver_host_linklocal_allowance_exceeded_total" []
        "Packets to link-local addresses, such as the VPC resolver's, that the host's ENA interface dropped because they were too many; read by ethtool when somebody scrapes, and told at the next scrape; absent where it cannot be read.";
    AWS_REQUESTS = Counter "ecs_resolver_aws_requests_total" ["operation", "result"]
        "Calls of AWS APIs, by operation as IAM spells it, and result (ok, throttled, denied, ...).";
    INVENTORY_RESOURCES = Gauge "ecs_resolver_inventory_resources" ["kind"]
        "Resources in the inventory, by kind (cluster, service, task, ...).";
    SOURCE_AGE = Gauge "ecs_resolver_source_age_seconds" ["source"]
        "Seconds since a source last read the whole truth, absent until it has; of events: since the queue last answered, with messages or with none.";
    INVENTORY_STALE = Gauge "ecs_resolver_inventory_stale" []
        "1 while answers say that they may be out of date (EDE 3); /ready says of which cluster and since when.";
    SNAPSHOT_LOADS = Counter "ecs_resolver_snapshot_loads_total" ["file", "result"]
        "Files of before the restart looked for, by what they keep (inventory, cache) and result: loaded, absent, or why they were refused (torn, damaged, foreign, newer, too_old, ahead, too_large, strange, not_a_file, unreadable).";
    SNAPSHOT_SAVES = Counter "ecs_resolver_snapshot_saves_total" ["file", "result"]
        "Files written for the next start, by what they keep and result: saved, failed (the old one stays), put_off (for long, as a first pass after the start is not through).";
    SNAPSHOT_BYTES = Gauge "ecs_resolver_snapshot_bytes" ["file"]
        "Size of the file that was last written.";
    ZONE_NAMES = Gauge "ecs_resolver_zone_names" []
        "Names in the zone.";
    ZONE_SERIAL = Gauge "ecs_resolver_zone_serial" []
        "Serial number of the zone.";
    ZONE_FAIL_OPEN = Gauge "ecs_resolver_zone_fail_open_services" []
        "Services whose unhealthy tasks are answered because none is healthy.";
    ZONE_KEPT_DRAINING = Gauge "ecs_resolver_zone_kept_draining_tasks" []
        "Tasks that are answered although their host is being drained, because there are no others.";
    ZONE_CONTESTED = Counter "ecs_resolver_zone_contested_total" []
        "Pairs of services found to want the same name.";
    INVENTORY_CHANGES = Counter "ecs_resolver_inventory_changes_total" ["outcome"]
        "Changes that sources delivered, by outcome: changed, unchanged, stale (older than what was known), refused (beyond limits.inventory).";
    SOURCE_FAILING = Gauge "ecs_resolver_source_failing_calls" []
        "AWS calls that fail at present; /ready names them.";
    SOURCE_PASSES = Counter "ecs_resolver_source_passes_total" ["result"]
        "Reads of all clusters, by result: complete, incomplete (something that has to succeed failed).";
    SOURCE_PASS_DURATION = Gauge "ecs_resolver_source_pass_duration_seconds" []
        "How long the last read of all clusters took.";
    SOURCE_UNREAD_DEFINITIONS = Gauge "ecs_resolver_source_unread_task_definitions" []
        "Task definitions that are in use and not read yet; questions for their ports get SERVFAIL until then.";
    REGISTER_PASSES = Counter "ecs_resolver_register_reconciles_total" ["result"]
        "Reconciles of the hosted zone, by result: whole, partial (something could not be read, changed or deleted), failed.";
    REGISTER_AGE = Gauge "ecs_resolver_register_age_seconds" []
        "Seconds since a reconcile left nothing undone; absent until one has.";
    REGISTER_CHANGES = Counter "ecs_resolver_register_changes_total" ["purpose"]
        "Names changed in the hosted zone, by purpose: register, adopt, update, deregister.";
    REGISTER_FAILED = Counter "ecs_resolver_register_failures_total" []
        "Names that Route 53 did not let us change.";
    REGISTER_OWNED = Gauge "ecs_resolver_register_owned_names" []
        "Names of services in the hosted zone that are ours.";
    REGISTER_CONFLICTS = Gauge "ecs_resolver_register_conflicts" []
        "Names that services want and somebody else has.";
    REGISTER_KEPT = Gauge "ecs_resolver_register_kept_names" []
        "Names of ours that nobody wants and that stay, because it is not sure that they may go.";
    REGISTER_REFUSED = Gauge "ecs_resolver_register_refused_deletes" []
        "Deletes that the last reconcile refused because they were too many.";
    QUEUES_ABANDONED = Gauge "ecs_resolver_queues_abandoned" []
        "Queues of agents whose hosts are gone from their cluster, by the controller's last look.";
    QUEUES_REMOVED = Counter "ecs_resolver_queues_removed_total" ["result"]
        "Queues of hosts that are gone, by what came of removing them: removed, failed.";
    SOURCE_INTERVAL = Gauge "ecs_resolver_source_interval_seconds" []
        "Time between two reads of the clusters, stretched so that the fleet spares AWS's limits.";
    HEALTH_INTERVAL = Gauge "ecs_resolver_source_health_interval_seconds" []
        "Time between two looks at the health of all tasks, stretched so that the fleet spares AWS's limits; 0: none yet.";
    DRIFT = Counter "ecs_resolver_drift_total" ["resource"]
        "Changes that a read of the clusters found although events should have told of them.";
    EVENTS = Counter "ecs_resolver_events_total" ["type", "result"]
        "Events received, by type and result: served (by a controller: asks for a reconcile), foreign (another cluster, account or region), ignored, malformed.";
    EVENT_PROPAGATION = Histogram "ecs_resolver_event_propagation_seconds" []
        "Time from the event itself, by AWS's clock, until what it says was served.";
    EVENT_SERVING = Histogram "ecs_resolver_event_serve_duration_seconds" []
        "Time from the receipt of an event until what it says was served.";
    EVENTS_HELD = Counter "ecs_resolver_events_held_total" ["result"]
        "Tasks whose leaving waited for a look at those that take over, by result: looked, in_vain (it took too long).";
    EVENTS_QUEUE_SHARED = Gauge "ecs_resolver_events_queue_shared" []
        "1 if somebody else reads our queue of events, so that we see only a part of them.";
}
