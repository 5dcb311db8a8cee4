//! The list: what happens to a request, in order, each row with the reason for its place. Labels of
//! metrics and the table in the documentation are printed from it.

use rempart_flow::{Fault, Known};

use crate::exchange::Screening;

/// One row of the list.
pub struct Stage {
    /// Its name in metrics, logs and documents.
    pub name: &'static str,
    /// Why it stands where it stands.
    pub why: &'static str,
    /// What it does: nothing, a note in the screening, or a refusal.
    pub run: fn(&mut Screening<'_, '_>) -> Result<(), Fault>,
}

/// The stages of a request, cheapest refusal first. What broke the protocol was refused before: the codec
/// lets nothing through that has two readings.
pub const REQUEST: &[Stage] = &[
    Stage {
        name: "zone",
        why: "every later stage is some zone's; a host that nobody has ends here",
        run: zone,
    },
    Stage {
        name: "loop",
        why: "a request that comes back must end before it costs the origin anything",
        run: loops,
    },
];

fn zone(screening: &mut Screening<'_, '_>) -> Result<(), Fault> {
    let host = screening.head.bytes(screening.head.host);
    screening.zone = screening.snapshot.zone_for_host(host);
    match screening.zone {
        None => Err(Fault::UnknownHost),
        Some(zone) if zone.is_held_back => Err(Fault::ZoneHeldBack),
        Some(_) => Ok(()),
    }
}

/// RFC 8586: a request that carries our token came through this installation before.
fn loops(screening: &mut Screening<'_, '_>) -> Result<(), Fault> {
    let ours = screening.loop_token;
    let seen = screening.head.fields.values(Known::CdnLoop).any(|value| {
        // Tokens are compared whole: another installation's id may contain anything.
        value.split(|byte| *byte == b',').any(|token| token.trim_ascii() == ours)
    });
    if seen { Err(Fault::Loop) } else { Ok(()) }
}
