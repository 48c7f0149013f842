/** What the controllers are given; the wiring provides each. */
export const CAMPAIGNS = Symbol('campaigns');
export const EXECUTIONS = Symbol('executions');
export const DELIVERIES = Symbol('deliveries');
export const SCREENS = Symbol('screens');
export const SCREEN_HISTORY = Symbol('screen history');
export const WHY = Symbol('why');
export const AUDIENCES = Symbol('audiences');
export const ALERT_RULES = Symbol('alert rules');
export const OUTAGES = Symbol('outages');
export const TEMPLATES = Symbol('templates');
export const STORAGE = Symbol('storage');
export const FEED = Symbol('feed');
export const SYSTEM = Symbol('system');
export const HTTP_SETTINGS = Symbol('http settings');
export const VERSIONS = Symbol('versions');
export const CLEARANCES = Symbol('clearances');
