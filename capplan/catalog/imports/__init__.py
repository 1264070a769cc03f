"""Price files that people have, read into the catalogue: LiteLLM's JSON, SkyPilot's CSV, a CSV of one's own."""
