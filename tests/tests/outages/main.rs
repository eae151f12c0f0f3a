//! What users see while a part of the site is gone, silent or slow, and while its processes are restarted. With all outside parts:
//! `scripts/test outages restarts`.

#[cfg(test)]
mod cast;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod restarts;
#[cfg(test)]
mod table;
#[cfg(test)]
mod traffic;
