"""Whether a run could start: what is looked at before real orders, and at any time by `doctor`."""
