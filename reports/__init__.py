"""Turn the records of `bench` into an HTML report and tables."""
