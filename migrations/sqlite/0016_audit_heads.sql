-- PostgreSQL only: there a trigger links the rows of a chain.
SELECT 1;
