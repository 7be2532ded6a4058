//! The Python binding: it turns Python's values into the engine's and back, and nothing else.
//!
//! The packet path never enters the interpreter: workers are threads that know no Python, and what
//! they tell waits in a queue behind a descriptor that asyncio watches.

mod calls;
mod convert;
mod engine;
mod load;

use pyo3::prelude::*;

/// Burrow's packet path.
#[pymodule]
mod burrow_native {
    #[pymodule_export]
    use crate::calls::Calls;
    #[pymodule_export]
    use crate::engine::{BindFailed, Engine};
    #[pymodule_export]
    use crate::load::{Bare, Load, TurnLoad, load_leg};
}
