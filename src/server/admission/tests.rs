use super::super::limits::Limits;
use super::*;

const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const TWO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A table for four connections, two of one client, and a clock.
struct Scene {
    admission: Arc<Admission>,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        let now = crate::server::desk::now();
        let limits = Limits { tcp_connections: 4, tcp_connections_per_client: 2, ..Limits::default() };
        Self { admission: Admission::new(LiveLimits::new(limits), now), now }
    }

    /// Lets a tenth of a second pass, then takes in a connection.
    fn admit(&mut self, client: IpAddr) -> (Seat, bool) {
        self.pass(100);
        self.admission.admit(client, self.now)
    }

    fn pass(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }
}

impl Seat {
    fn is_told(&self) -> bool {
        self.guest.told.is_cancelled()
    }
}

fn told(seats: &[&Seat]) -> Vec<bool> {
    seats.iter().map(|seat| seat.is_told()).collect()
}

#[test]
fn places_come_back() {
    let mut scene = Scene::new();
    let seats = [scene.admit(ONE).0, scene.admit(ONE).0, scene.admit(TWO).0];
    assert_eq!(scene.admission.open(), 3);
    drop(seats);
    assert!(scene.admission.open() == 0 && scene.admission.lock().by_client.is_empty());
}

#[test]
fn a_client_with_too_many_loses_the_one_that_has_done_nothing_for_longest() {
    let mut scene = Scene::new();
    let other = scene.admit(TWO).0;
    let (mut first, second) = (scene.admit(ONE).0, scene.admit(ONE).0);
    scene.pass(100);
    first.note(Stage::Idle, true, scene.now);
    let (third, shed) = scene.admit(ONE);
    assert!(shed && scene.admission.open() == 3);
    assert_eq!(told(&[&other, &first, &second, &third]), [false, false, true, false]);
    drop(second);
    assert_eq!(scene.admission.open(), 3);
}

#[test]
fn with_too_many_in_all_whoever_has_most_loses_one() {
    let mut scene = Scene::new();
    let old = scene.admit(TWO).0;
    let host = [scene.admit(HOST).0, scene.admit(HOST).0, scene.admit(HOST).0];
    let (new, shed) = scene.admit(ONE);
    assert!(shed && scene.admission.open() == 4);
    assert_eq!(told(&[&old, &host[0], &host[1], &host[2], &new]), [false, true, false, false, false]);
}

#[test]
fn those_with_questions_under_way_go_last_but_before_a_newcomer() {
    let mut scene = Scene::new();
    let (mut working, mut asking) = (scene.admit(ONE).0, scene.admit(ONE).0);
    working.note(Stage::Working, true, scene.now);
    scene.pass(100);
    asking.note(Stage::Asking, false, scene.now);
    let (mut next, _) = scene.admit(ONE);
    assert_eq!(told(&[&working, &asking]), [false, true]);
    next.note(Stage::Working, true, scene.now);
    let (last, shed) = scene.admit(ONE);
    assert!(shed);
    assert_eq!(told(&[&working, &next, &last]), [true, false, false]);
}

#[test]
fn for_want_of_descriptors_the_same_one_goes() {
    let mut scene = Scene::new();
    assert!(!scene.admission.make_room());
    let seats = [scene.admit(ONE).0, scene.admit(TWO).0, scene.admit(TWO).0];
    assert!(scene.admission.make_room());
    assert_eq!(told(&[&seats[0], &seats[1], &seats[2]]), [false, true, false]);
}

#[test]
fn each_stage_has_its_time() {
    let mut scene = Scene::new();
    let mut seats: Vec<Seat> = [ONE, ONE, TWO, TWO].map(|client| scene.admission.admit(client, scene.now).0).into();
    for (seat, stage) in seats.iter_mut().zip(Stage::ALL) {
        seat.note(stage, false, scene.now);
        seat.note(stage, false, scene.now + Duration::from_secs(1));
    }
    let told = |seats: &[Seat]| seats.iter().map(Seat::is_told).collect::<Vec<_>>();
    scene.pass(4_999);
    assert_eq!((scene.admission.expire(scene.now), told(&seats)), (0, vec![false; 4]));
    scene.pass(1);
    assert_eq!((scene.admission.expire(scene.now), told(&seats)), (2, vec![false, true, true, false]));
    scene.pass(5_000);
    assert_eq!((scene.admission.expire(scene.now), told(&seats)), (0, vec![true, true, true, false]));
    assert_eq!(scene.admission.open(), 1);
}

#[test]
fn who_asks_now_and_then_stays() {
    let mut scene = Scene::new();
    let mut seat = scene.admit(ONE).0;
    for _ in 0..10 {
        scene.pass(9_000);
        seat.note(Stage::Idle, true, scene.now);
        assert_eq!((scene.admission.expire(scene.now), seat.is_told()), (0, false));
    }
}

#[test]
fn a_short_patience_with_silence_is_one_with_slowness() {
    let limits = Limits { tcp_idle: Duration::from_secs(2), ..Limits::default() };
    let now = crate::server::desk::now();
    let admission = Admission::new(LiveLimits::new(limits), now);
    let (mut seat, _) = admission.admit(ONE, now);
    seat.note(Stage::Unread, false, now);
    assert_eq!(admission.expire(now + Duration::from_secs(2)), 1);
}
