"""Where does weight space put its volume? Loss distributions of random networks, exact and live."""
