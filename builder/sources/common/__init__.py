"""What several adapters share: listing, tables, wells, screens."""
