"""Names of tensors: tables that rename them between layouts, and the check that nothing is left over."""
