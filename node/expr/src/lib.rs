//! CEL expressions compiled per schema into column-wise plans over Arrow.
