"""VisionThink on OpenEnv: the client; the server is in `server.app`."""
