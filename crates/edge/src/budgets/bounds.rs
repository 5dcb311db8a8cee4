//! The budgets: what the operator said, as far as the machine has it, and what follows where nothing was said.

use super::machine::Machine;

/// Descriptors that are kept back, so that an origin can be reached and a file opened when visitors have taken
/// all the others: a twentieth of the limit, and no less than…
const RESERVE_MIN: usize = 16;
/// What may be taken of the memory there is, in percent, where nothing was said.
const MEMORY_PERCENT: u64 = 80;
/// The room that there must be above the memory of the process at rest, in bytes. With less it would shed for
/// ever, whatever it sheds.
pub(super) const MEMORY_ROOM_BYTES_MIN: u64 = 32 << 20;

/// The budgets of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Visitors' connections.
    pub connections: Bound,
    /// Open descriptors.
    pub descriptors: Bound,
    /// Resident memory, in bytes.
    pub memory_bytes: Bound,
}

/// One budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// How much.
    pub max: u64,
    /// Where that comes from, for people.
    pub from: &'static str,
    /// Why it is not what the configuration says.
    pub clamped: Option<String>,
}

impl Bounds {
    /// What holds on this machine.
    #[must_use]
    pub fn of(wanted: rempart_config::Budgets, machine: &Machine) -> Self {
        let descriptors = descriptors(wanted.descriptors_max, machine);
        let connections = connections(wanted.connections_max, descriptors.max, machine);
        Self { connections, descriptors, memory_bytes: memory_bytes(wanted.memory_bytes_max, machine) }
    }

    /// Every one that is not what the configuration says, with its key.
    pub fn clamped(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("budgets.connections_max", &self.connections),
            ("budgets.descriptors_max", &self.descriptors),
            ("budgets.memory_bytes_max", &self.memory_bytes),
        ];
        all.into_iter().filter_map(|(key, bound)| Some((key, bound.clamped.as_deref()?)))
    }
}

fn descriptors(wanted: Option<usize>, machine: &Machine) -> Bound {
    let limit = machine.descriptors_max;
    let there_is = limit.saturating_sub(RESERVE_MIN.max(limit / 20)).max(1);
    match wanted {
        None => {
            Bound { max: there_is as u64, from: "the limit of descriptors less a reserve", clamped: None }
        }
        Some(wanted) if wanted <= there_is => said(wanted as u64),
        Some(wanted) => {
            let why = format!(
                "{wanted} descriptors cannot be had: the kernel allows {limit}, and a reserve is kept; raise `ulimit -n`"
            );
            Bound { max: there_is as u64, from: CLAMPED, clamped: Some(why) }
        }
    }
}

fn connections(wanted: Option<usize>, descriptors: u64, machine: &Machine) -> Bound {
    let there_is = descriptors.saturating_sub(machine.own_descriptors as u64).max(2);
    match wanted {
        None => Bound { max: there_is / 2, from: "half of the descriptors", clamped: None },
        Some(wanted) if wanted as u64 <= there_is => said(wanted as u64),
        Some(wanted) => {
            let why = format!(
                "{wanted} connections cannot be had: there are {there_is} descriptors for them; raise `ulimit -n` or \
                 `budgets.descriptors_max`"
            );
            Bound { max: there_is, from: CLAMPED, clamped: Some(why) }
        }
    }
}

fn memory_bytes(wanted: Option<u64>, machine: &Machine) -> Bound {
    let least = machine.own_memory_bytes.saturating_add(MEMORY_ROOM_BYTES_MIN);
    let there_is = machine.memory_bytes_max.unwrap_or(u64::MAX);
    match wanted {
        None => Bound {
            max: (there_is / 100).saturating_mul(MEMORY_PERCENT).max(least),
            from: "four fifths of the control group's or the machine's memory",
            clamped: None,
        },
        Some(wanted) if wanted < least => {
            let own = machine.own_memory_bytes;
            let why = format!(
                "{wanted} bytes are not enough: the process has {own} before the first visitor, and needs \
                 {MEMORY_ROOM_BYTES_MIN} more"
            );
            Bound { max: least, from: CLAMPED, clamped: Some(why) }
        }
        Some(wanted) if wanted > there_is => {
            let why = format!("{wanted} bytes cannot be had: there are {there_is}");
            Bound { max: there_is, from: CLAMPED, clamped: Some(why) }
        }
        Some(wanted) => said(wanted),
    }
}

const CLAMPED: &str = "what there is: the configuration says otherwise";

const fn said(max: u64) -> Bound {
    Bound { max, from: "the configuration", clamped: None }
}

#[cfg(test)]
mod tests {
    use rempart_config::Budgets;

    use super::*;

    const MACHINE: Machine = Machine {
        descriptors_max: 1000,
        memory_bytes_max: Some(1_000 << 20),
        own_descriptors: 50,
        own_memory_bytes: 40 << 20,
    };

    fn bounds(connections: usize, descriptors: usize, memory_bytes: u64) -> Bounds {
        let wanted = Budgets {
            connections_max: Some(connections),
            descriptors_max: Some(descriptors),
            memory_bytes_max: Some(memory_bytes),
        };
        Bounds::of(wanted, &MACHINE)
    }

    #[test]
    fn without_a_word_there_is_a_reserve_and_a_share() {
        let bounds = Bounds::of(Budgets::default(), &MACHINE);
        assert_eq!((bounds.descriptors.max, bounds.connections.max), (950, 450));
        assert_eq!((bounds.memory_bytes.max, bounds.clamped().count()), (800 << 20, 0));
        let small = Machine { descriptors_max: 64, ..MACHINE };
        let bounds = Bounds::of(Budgets::default(), &small);
        assert_eq!((bounds.descriptors.max, bounds.connections.max), (48, 1), "never nothing");
    }

    #[test]
    fn at_the_bound_it_can_be_had_and_one_past_it_not() {
        let at = bounds(900, 950, 1_000 << 20);
        assert_eq!((at.connections.max, at.clamped().count()), (900, 0));
        let past = bounds(901, 951, (1_000 << 20) + 1);
        assert_eq!(past.clamped().count(), 3);
        assert_eq!((past.connections.max, past.descriptors.max), (900, 950));
        assert_eq!(past.memory_bytes.max, 1_000 << 20);
    }

    #[test]
    fn a_memory_budget_below_the_process_at_rest_would_shed_for_ever() {
        let least = MACHINE.own_memory_bytes + MEMORY_ROOM_BYTES_MIN;
        assert_eq!(bounds(1, 100, least).clamped().count(), 0);
        let past = bounds(1, 100, least - 1);
        assert_eq!((past.memory_bytes.max, past.clamped().count()), (least, 1));
    }
}
