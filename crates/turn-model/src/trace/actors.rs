//! The actors of a trace, and the places that they and its hops have in the model.

use super::{Act, Rejected, Step};
use crate::model::{Config, Hop, State};
use std::collections::BTreeMap;

/// Who does a step, as the model numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Worker(usize),
    Sweeper(usize),
}

impl Place {
    /// It tells no more.
    pub(crate) fn retire(self, config: &Config, state: &mut State) {
        match self {
            Self::Worker(w) => state.retire_worker(config, w),
            Self::Sweeper(s) => state.retire_sweeper(config, s),
        }
    }
}

/// A trace made ready for the search.
pub(crate) struct Cast {
    pub(crate) config: Config,
    /// By actor: its place, and where its steps stand in the trace.
    pub(crate) actors: Vec<(Place, Vec<usize>)>,
    hops: BTreeMap<String, Hop>,
    fences: BTreeMap<u64, u64>,
}

impl Cast {
    pub(crate) fn of(trace: &[Step]) -> Result<Self, Rejected> {
        let deepest = trace.iter().map(|step| depth(step.act.hop())).max().unwrap_or(0);
        let too_long = || Rejected::at(trace, 0, "the turn has more hops or claims than the model has numbers");
        // One more than was seen: the last hop may have published a job that nobody took yet.
        let hops = u8::try_from(deepest + 2).map_err(|_| too_long())?;
        let (actors, workers, sweepers) = actors(trace);
        let count = |n: usize| u8::try_from(n + 1).map_err(|_| too_long());
        let config = Config {
            hops,
            tokens: 0,
            workers: count(workers)?,
            sweepers: count(sweepers)?,
            faults: crate::model::ANY_NUMBER,
            forgetful: false,
            lossy: false,
            mutant: None,
        };
        let hops = hops_of(trace, &config)?;
        let fences = fences_of(trace);
        if fences.values().max().is_some_and(|last| *last >= u64::from(u8::MAX)) {
            return Err(too_long());
        }
        Ok(Self { config, actors, hops, fences })
    }

    pub(crate) fn hop(&self, id: &str) -> Hop {
        self.hops.get(id).copied().unwrap_or_default()
    }

    /// The model counts claims from 1.
    pub(crate) fn fence(&self, told: u64) -> u64 {
        self.fences.get(&told).copied().unwrap_or_default()
    }

    /// A worker that no step names: it was killed before it could tell of its claim.
    pub(crate) fn ghost(&self) -> usize {
        usize::from(self.config.workers) - 1
    }
}

/// Fences are counted within an era of the store, and begin anew, higher, in the next one. A hole within an era is a
/// claim that nobody told.
const ERA: u64 = 65_536;

fn fences_of(trace: &[Step]) -> BTreeMap<u64, u64> {
    let mut fences: BTreeMap<u64, u64> = trace.iter().filter_map(|step| Some((step.act.fence()?, 0))).collect();
    let (mut before, mut count) = (0, 0);
    for (told, counted) in &mut fences {
        count += if told / ERA == before / ERA { told - before } else { (told % ERA).max(1) };
        (before, *counted) = (*told, count);
    }
    fences
}

fn depth(hop: &str) -> usize {
    if is_end(hop) { 0 } else { hop.matches('/').count().saturating_sub(1) }
}

fn is_end(hop: &str) -> bool {
    hop.rsplit('/').next().is_some_and(|last| last.starts_with("end."))
}

fn actors(trace: &[Step]) -> (Vec<(Place, Vec<usize>)>, usize, usize) {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut actors: Vec<(Place, Vec<usize>)> = Vec::new();
    let (mut workers, mut sweepers) = (0, 0);
    for (at, step) in trace.iter().enumerate() {
        let place = *places.entry(&step.actor).or_insert_with(|| {
            let (place, count) = match step.act {
                Act::Seized { .. } | Act::Published { .. } | Act::Marked { .. } | Act::SentAgain { .. } => {
                    (Place::Sweeper(sweepers), &mut sweepers)
                }
                _ => (Place::Worker(workers), &mut workers),
            };
            *count += 1;
            actors.push((place, Vec::new()));
            actors.len() - 1
        });
        if let Some((_, steps)) = actors.get_mut(place) {
            steps.push(at);
        }
    }
    (actors, workers, sweepers)
}

/// The hops of a turn are a chain: one at each depth, and each the child of the one before.
fn hops_of(trace: &[Step], config: &Config) -> Result<BTreeMap<String, Hop>, Rejected> {
    let mut hops = BTreeMap::new();
    let mut chain: BTreeMap<usize, &str> = BTreeMap::new();
    for (at, step) in trace.iter().enumerate() {
        let id = step.act.hop();
        if is_end(id) {
            hops.insert(id.to_owned(), config.end_hop());
            continue;
        }
        let depth = depth(id);
        let known = *chain.entry(depth).or_insert(id);
        let is_child = |parent: &&str| id.strip_prefix(*parent).is_some_and(|rest| rest.starts_with('/'));
        let parent = depth.checked_sub(1).and_then(|above| chain.get(&above));
        if known != id || parent.is_some_and(|parent| !is_child(parent)) {
            return Err(Rejected::at(trace, at, "the turn has another hop at this place"));
        }
        hops.insert(id.to_owned(), u8::try_from(depth).unwrap_or(u8::MAX));
    }
    Ok(hops)
}
