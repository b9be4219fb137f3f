"""The status page, the API, webhooks and live events. What the rest of the daemon gives it stands in `ports`."""
